"""The artifact that is to be served: whole, and fit for this image and this node."""

import importlib.metadata
import importlib.util
import logging
import shutil
import time
from contextlib import suppress
from itertools import chain
from pathlib import Path

from neuron_artifact import (
    ArtifactCorrupt,
    ArtifactMissing,
    ArtifactUnverified,
    Manifest,
    artifact_path,
    verify,
)

from neuron_serving import gate, neuronversions
from neuron_serving.failure import ServingError
from neuron_serving.settings import Settings

log = logging.getLogger("neuron_serving")


def servable(configured: Settings) -> tuple[Path, Manifest]:
    """Return the directory and manifest of the artifact, verified and checked against this image and node.

    Raises ServingError (ArtifactMissing, ArtifactCorrupt, ArtifactUnverified, VersionMismatch,
    ToolchainMissing).
    """
    store = configured.store
    if configured.local_copy is not None:
        store = copied(store, configured.digest, configured.local_copy)
    directory, manifest = verified(store, configured.digest)
    features = manifest.backend.cpu_features
    gate.check(manifest.family, manifest.versions, features, configured.family, installed())
    return directory, manifest


def copied(store: Path, digest: str, to: Path) -> Path:
    """Copy an artifact to another store, and return that; what an earlier start has copied stays.

    Raises ServingError (ArtifactMissing, LocalCopyFailed). Whether every file is whole is not looked at.
    """
    try:
        source, target = artifact_path(store, digest), artifact_path(to, digest)
    except ValueError as malformed:
        raise ServingError("SettingsInvalid", f"ARTIFACT_DIGEST: {malformed}.") from malformed
    if target.exists():
        return to
    started = time.monotonic()
    partial = target.with_name(f"{target.name}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(source, partial)
        partial.rename(target)
    except FileNotFoundError as missing:
        raise ServingError("ArtifactMissing", f"{missing.filename} is not in the store.") from missing
    except (OSError, shutil.Error) as failure:
        raise ServingError(
            "LocalCopyFailed",
            f"The artifact can't be copied to the node's disk ({failure}): give the pod more "
            "ephemeral-storage, or unset serving.localCopy.",
        ) from failure
    log.info("copied %s to %s in %.1f s", source, target, time.monotonic() - started)
    return to


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
        neuron=neuronversions.installed() | _versions(*chain(*gate.DISTRIBUTIONS.values())),
    )


def _versions(*names: str) -> dict[str, str]:
    found = {}
    for name in names:
        with suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def cpu_features(cpuinfo: Path = Path("/proc/cpuinfo")) -> frozenset[str]:
    """Return the instructions that every CPU of this node has, as /proc/cpuinfo calls them."""
    lines = (line.partition(":") for line in cpuinfo.read_text().splitlines())
    flags = [frozenset(value.split()) for name, _, value in lines if name.strip() == "flags"]
    return frozenset.intersection(*flags) if flags else frozenset()
