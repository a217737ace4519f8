"""`python -m neuron_triton`: the entry point of the serving image."""

import logging
import os
import secrets
import sys
from pathlib import Path
from typing import NoReturn

from neuron_contract import exits
from neuron_serving import settings
from neuron_serving.artifact import servable
from neuron_serving.failure import ServingError, report

from neuron_triton import command, repository
from neuron_triton.modelconfig import ModelConfig

MODELS = Path("/tmp/models")

log = logging.getLogger("neuron_triton")


def main() -> NoReturn:
    """Prepare the model repository and become tritonserver; exit with a code of its own where impossible."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        configured = settings.parse(os.environ, settings.visible_cpus())
        directory, config = prepare(configured)
    except ServingError as failure:
        log.error("%s: %s", failure.reason, failure.message)
        report(failure)
        sys.exit(exits.FAILED)
    become_server(configured, directory, config)


def become_server(configured: settings.Settings, directory: Path, config: ModelConfig) -> NoReturn:
    """Go on as the supervisor of tritonserver in the same process, which is PID 1 and receives SIGTERM."""
    log.info("%s: %d instances, %d CPUs", config.name, config.instances, configured.cpus)
    server = command.arguments(MODELS, secrets.token_hex(16))
    both = ["python", "-m", "neuron_triton.front", str(directory), "--", *server]
    words = ["python", "-m", "neuron_triton.supervisor", *both]
    # A new interpreter, because this one holds what checking an artifact needs.
    os.execvpe(words[0], words, command.environment(os.environ, configured.cpus))


def prepare(configured: settings.Settings) -> tuple[Path, ModelConfig]:
    """Check the artifact and lay out the repository. Raises ServingError as `servable` does."""
    directory, manifest = servable(configured)
    config = repository.model_config(manifest, configured, directory)
    repository.write(MODELS, config)
    return directory, config


if __name__ == "__main__":
    main()
