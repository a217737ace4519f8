"""The artifact that is to be served: whole, and fit for this image and this node."""

import importlib.metadata
import importlib.util
import logging
from pathlib import Path

from neuron_artifact import (
    ArtifactCorrupt,
    ArtifactMissing,
    ArtifactUnverified,
    Manifest,
    artifact_path,
    verify,
)

from neuron_serving import gate
from neuron_serving.failure import ServingError
from neuron_serving.settings import Settings

log = logging.getLogger("neuron_serving")


def servable(configured: Settings) -> tuple[Path, Manifest]:
    """Return the directory and manifest of the artifact, verified and checked against this image and node.

    Raises ServingError (ArtifactMissing, ArtifactCorrupt, ArtifactUnverified, VersionMismatch,
    ToolchainMissing).
    """
    directory, manifest = verified(configured.store, configured.digest)
    features = manifest.backend.cpu_features
    gate.check(manifest.family, manifest.versions, features, configured.family, installed())
    return directory, manifest


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
