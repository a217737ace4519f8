"""The artifact that is to be served: whole, and fit for this image and this node."""

import errno
import importlib.metadata
import importlib.util
import logging
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
    bring,
)

from neuron_serving import gate, neuronversions, room
from neuron_serving.failure import ServingError
from neuron_serving.settings import Settings

log = logging.getLogger("neuron_serving")


def servable(configured: Settings) -> tuple[Path, Manifest]:
    """Return the local directory and the manifest of the artifact, checked against this image and node.

    What is in that directory was checked as it came, and nobody else can change it; compiled modules that
    were left on the volume are checked when they are loaded (`neuron_artifact.loadable`). Raises ServingError
    (ArtifactMissing, ArtifactCorrupt, ArtifactUnverified, LocalCopyFailed, VersionMismatch,
    ToolchainMissing).
    """
    directory, manifest = brought(configured)
    features = manifest.backend.cpu_features
    gate.check(manifest.family, manifest.versions, features, configured.family, installed())
    for shortage in room.shortages(manifest, configured.cores, room.memory_limit()):
        log.warning("%s", shortage)
    return directory, manifest


def brought(configured: Settings) -> tuple[Path, Manifest]:
    """Bring the artifact to this node. Raises ServingError."""
    digest = configured.digest
    try:
        source, target = artifact_path(configured.store, digest), artifact_path(configured.scratch, digest)
    except ValueError as malformed:
        raise ServingError("SettingsInvalid", f"ARTIFACT_DIGEST: {malformed}.") from malformed
    log.info("bringing %s", source)
    started = time.monotonic()
    try:
        manifest = bring(source, target, digest, configured.manifest_sha256, buckets=configured.local_copy)
    except ArtifactMissing as missing:
        raise ServingError("ArtifactMissing", str(missing)) from missing
    except ArtifactUnverified as unverified:
        raise ServingError("ArtifactUnverified", str(unverified)) from unverified
    except ArtifactCorrupt as corrupt:
        raise ServingError("ArtifactCorrupt", str(corrupt)) from corrupt
    except OSError as failure:
        if failure.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise ServingError(
                "LocalCopyFailed",
                f"The artifact can't be copied to the node's disk ({failure}): give the pod more "
                "ephemeral-storage, or unset serving.localCopy.",
            ) from failure
        text = f"The artifact can't be read ({failure}): look at the volume."
        raise ServingError("ArtifactCorrupt", text) from failure
    log.info("brought %s in %.1f s", source, time.monotonic() - started)
    return target, manifest


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
