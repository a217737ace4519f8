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
from neuron_serving.doors.face import kind_of
from neuron_serving.failure import ServingError, report

from neuron_triton import command, guard, repository
from neuron_triton.modelconfig import ModelConfig

MODELS = Path("/tmp/models")
GUARD = Path("/tmp/guard.cfg")

log = logging.getLogger("neuron_triton")


def main() -> NoReturn:
    """Prepare the model repository and become tritonserver; exit with a code of its own where impossible."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        configured = settings.parse(os.environ, settings.visible_cpus())
        config = prepare(configured)
    except ServingError as failure:
        log.error("%s: %s", failure.reason, failure.message)
        report(failure)
        sys.exit(exits.FAILED)
    become_server(configured, config)


def become_server(configured: settings.Settings, config: ModelConfig) -> NoReturn:
    """Go on as the supervisor of tritonserver in the same process, which is PID 1 and receives SIGTERM."""
    log.info("%s: %d instances, %d CPUs", config.name, config.instances, configured.cpus)
    GUARD.write_text(guard.configuration(request_log=configured.request_log), encoding="utf-8")
    server = command.arguments(MODELS, secrets.token_hex(16))
    both = [*guard.arguments(GUARD), "--", *server]
    words = ["python", "-m", "neuron_triton.supervisor", str(command.GRPC_PORT), *both]
    # A new interpreter, because this one holds what a tokenizer needs.
    os.execvpe(words[0], words, command.environment(os.environ, configured.cpus))


def prepare(configured: settings.Settings) -> ModelConfig:
    """Check the artifact and lay out the repository. Raises ServingError as `servable` does."""
    directory, manifest = servable(configured)
    config = repository.model_config(manifest, configured, directory)
    repository.write(MODELS, config)
    if kind_of(directory, manifest) is not None:
        # The tokenizer's library is needed only where there is a door.
        from neuron_serving.doors.opening import open_door

        face = open_door(directory, manifest).face
        repository.write(MODELS, repository.door_config(config.name, face, directory))
    return config


if __name__ == "__main__":
    main()
