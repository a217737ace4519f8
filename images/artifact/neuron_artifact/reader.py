"""Reading artifacts: nothing is trusted that the manifest does not vouch for."""

import re
import stat
from pathlib import Path

from neuron_artifact import durable
from neuron_artifact.errors import ArtifactCorrupt, ArtifactMissing, ArtifactUnverified
from neuron_artifact.manifest import Manifest
from neuron_artifact.verification import read_verification

MANIFEST = "manifest.json"
_DIGEST = re.compile(r"[0-9a-f]{32}")


def artifact_path(store: Path, digest: str) -> Path:
    """Where the artifact of a digest lies. Raises ValueError when the digest is not 32 hex digits."""
    if not _DIGEST.fullmatch(digest):
        raise ValueError(f"{digest!r} is not a digest: it has 32 hexadecimal digits")
    return store / digest


def read_manifest(directory: Path) -> Manifest:
    """The manifest of the artifact in a directory, without looking at the other files.

    Raises ArtifactMissing when the directory does not exist, ArtifactCorrupt when its manifest is absent or
    wrong.
    """
    try:
        content = (directory / MANIFEST).read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        if not directory.exists():
            raise ArtifactMissing(f"There is no artifact in {directory}: compile the model first.") from error
        raise ArtifactCorrupt(f"{directory} has no {MANIFEST}: compile the model again.") from error
    return Manifest.from_json(content)


def verify(directory: Path, digest: str | None = None) -> Manifest:
    """The manifest of an artifact that may be served: it is whole, and has passed where it was checked.

    Raises as `whole` does, and ArtifactUnverified when the accelerator has not passed it.
    """
    manifest = whole(directory, digest)
    verification = read_verification(directory)
    if verification is None and manifest.verification == "Needed":
        raise ArtifactUnverified(
            f"The artifact {manifest.digest} was compiled on an ordinary node and is not verified on the "
            "accelerator yet: wait for its verify Job."
        )
    if verification is not None and not verification.passed:
        raise ArtifactUnverified(
            f"The artifact {manifest.digest} did not pass its verification: look at the NeuronArtifact's "
            "status."
        )
    return manifest


def whole(directory: Path, digest: str | None = None) -> Manifest:
    """Checks every file of the artifact against its manifest, and the manifest against `digest` where given.

    Raises ArtifactMissing, or ArtifactCorrupt naming the first file that is absent or differs.
    """
    manifest = read_manifest(directory)
    if digest is not None and manifest.digest != digest:
        raise ArtifactCorrupt(f"{directory} holds the artifact {manifest.digest}: compile the model again.")
    listed = {entry.path for entry in manifest.files}
    for bucket in manifest.buckets:
        if bucket.path not in listed:
            raise ArtifactCorrupt(f"{MANIFEST} does not list {bucket.path}: compile the model again.")
    for entry in manifest.files:
        path = directory / entry.path
        try:
            is_file = stat.S_ISREG(path.lstat().st_mode)
        except (FileNotFoundError, NotADirectoryError):
            is_file = False
        if not is_file:
            raise ArtifactCorrupt(f"The artifact's file {entry.path} is missing: compile the model again.")
        size, checksum = durable.sha256(path)
        if (size, checksum) != (entry.bytes, entry.sha256):
            raise ArtifactCorrupt(
                f"The artifact's file {entry.path} differs from its checksum: compile the model again."
            )
    return manifest
