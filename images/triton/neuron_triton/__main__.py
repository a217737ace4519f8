"""`python -m neuron_triton`: the entry point of the serving image."""

import importlib.metadata
import importlib.util
import logging
import os
import secrets
import sys
from pathlib import Path
from typing import NoReturn

from neuron_artifact import (
    ArtifactCorrupt,
    ArtifactMissing,
    ArtifactUnverified,
    Manifest,
    artifact_path,
    verify,
)

from neuron_triton import command, gate, repository, settings
from neuron_triton.failure import EXIT_FAILED, ServingError, report
from neuron_triton.modelconfig import ModelConfig

MODELS = Path("/tmp/models")

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
        sys.exit(EXIT_FAILED)
    become_server(configured, config)


def become_server(configured: settings.Settings, config: ModelConfig) -> NoReturn:
    """Go on as tritonserver in the same process, so that it is PID 1 and receives the kubelet's SIGTERM."""
    log.info("%s: %d instances, %d CPUs", config.name, config.instances, configured.cpus)
    arguments = command.arguments(MODELS, secrets.token_hex(16))
    environment = command.environment(os.environ, configured.cpus)
    os.execve(arguments[0], arguments, environment)


def prepare(configured: settings.Settings) -> ModelConfig:
    """Verify the artifact, check that it fits this image and lay out the repository.

    Raises ServingError (ArtifactMissing, ArtifactCorrupt, VersionMismatch, ToolchainMissing).
    """
    directory, manifest = verified(configured.store, configured.digest)
    features = manifest.backend.cpu_features
    gate.check(manifest.family, manifest.versions, features, configured.family, installed())
    config = repository.model_config(manifest, configured, directory)
    repository.write(MODELS, config)
    return config


def verified(store: Path, digest: str) -> tuple[Path, Manifest]:
    """Return the directory and manifest of an artifact whose every file is whole. Raises ServingError."""
    try:
        directory = artifact_path(store, digest)
        log.info("verifying %s", directory)
        return directory, verify(directory, digest)
    except ValueError as malformed:
        raise ServingError("SettingsInvalid", f"ARTIFACT_DIGEST: {malformed}.") from malformed
    except ArtifactMissing as missing:
        raise ServingError("ArtifactMissing", str(missing)) from missing
    except ArtifactUnverified as unverified:
        raise ServingError("ArtifactUnverified", str(unverified)) from unverified
    except ArtifactCorrupt as corrupt:
        raise ServingError("ArtifactCorrupt", str(corrupt)) from corrupt
    except OSError as unreadable:
        text = f"The artifact can't be read ({unreadable}): look at the volume."
        raise ServingError("ArtifactCorrupt", text) from unreadable


def installed() -> gate.Installed:
    """Return what this image and this node have, without importing any of it."""
    packages = gate.PACKAGE_OF_FAMILY.values()
    return gate.Installed(
        torch=importlib.metadata.version("torch"),
        packages=frozenset(name for name in packages if importlib.util.find_spec(name) is not None),
        cpu_features=cpu_features(),
    )


def cpu_features(cpuinfo: Path = Path("/proc/cpuinfo")) -> frozenset[str]:
    """Return the instructions that every CPU of this node has, as /proc/cpuinfo calls them."""
    lines = (line.partition(":") for line in cpuinfo.read_text().splitlines())
    flags = [frozenset(value.split()) for name, _, value in lines if name.strip() == "flags"]
    return frozenset.intersection(*flags) if flags else frozenset()


if __name__ == "__main__":
    main()
