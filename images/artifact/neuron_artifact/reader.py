"""Reading artifacts: nothing is trusted but what the manifest vouches for, and the known manifest."""

import hashlib
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path

from neuron_artifact import durable
from neuron_artifact.errors import ArtifactCorrupt, ArtifactMissing, ArtifactUnverified
from neuron_artifact.manifest import FileEntry, Manifest
from neuron_artifact.verification import VERIFICATION, read_verification

MANIFEST = "manifest.json"
_DIGEST = re.compile(r"[0-9a-f]{32}")
_MOST_MANIFEST = 16 << 20


def artifact_path(store: Path, digest: str) -> Path:
    """Where the artifact of a digest lies. Raises ValueError when the digest is not 32 hex digits."""
    if not _DIGEST.fullmatch(digest):
        raise ValueError(f"{digest!r} is not a digest: it has 32 hexadecimal digits")
    return store / digest


def read_bounded(path: Path, most: int) -> bytes:
    """A plain file's content. Raises OSError, for a link too, and ValueError where it is larger."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError(f"{path} is no plain file")
        content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"{path} is larger than {most} bytes")
    return content


def read_manifest(directory: Path, sha256: str | None = None) -> Manifest:
    """The manifest of the artifact in a directory, without looking at the other files.

    `sha256`: that of the only manifest that will do. Raises ArtifactMissing when the directory does not
    exist, ArtifactCorrupt when its manifest is absent, wrong, or another one.
    """
    return manifest_of(directory, sha256)[0]


def manifest_of(directory: Path, sha256: str | None = None) -> tuple[Manifest, bytes]:
    """The manifest and its bytes, read once. Raises as `read_manifest` does."""
    try:
        content = read_bounded(directory / MANIFEST, _MOST_MANIFEST)
    except (FileNotFoundError, NotADirectoryError) as error:
        if not directory.exists():
            raise ArtifactMissing(f"There is no artifact in {directory}: compile the model first.") from error
        raise ArtifactCorrupt(f"{directory} has no {MANIFEST}: compile the model again.") from error
    except ValueError as error:
        raise ArtifactCorrupt(f"{error}: compile the model again.") from error
    if sha256 is not None and hashlib.sha256(content).hexdigest() != sha256:
        raise ArtifactCorrupt(
            f"{MANIFEST} in {directory} is not the one that was published: compile the model again."
        )
    return Manifest.from_json(content), content


def verify(directory: Path, digest: str | None = None, sha256: str | None = None) -> Manifest:
    """The manifest of an artifact that may be served: it is whole, and has passed where it was checked.

    Raises as `whole` does, and ArtifactUnverified when the accelerator has not passed it.
    """
    manifest = whole(directory, digest, sha256)
    must_have_passed(directory, manifest)
    return manifest


def must_have_passed(directory: Path, manifest: Manifest) -> None:
    """Raises ArtifactUnverified when the accelerator has not passed the artifact."""
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


def whole(
    directory: Path,
    digest: str | None = None,
    sha256: str | None = None,
    advance: Callable[[int], object] = lambda _: None,
) -> Manifest:
    """Checks every file of the artifact against its manifest, and the manifest against `digest` and `sha256`
    where they are given. `advance` hears how many bytes each read has brought.

    Raises ArtifactMissing, or ArtifactCorrupt naming the first file that is absent or differs.
    """
    manifest = read_manifest(directory, sha256)
    check_listing(directory, manifest, digest)
    for entry in manifest.files:
        path = directory / entry.path
        try:
            is_file = stat.S_ISREG(path.lstat().st_mode)
        except (FileNotFoundError, NotADirectoryError):
            is_file = False
        if not is_file:
            raise missing(entry)
        if durable.sha256(path, advance) != (entry.bytes, entry.sha256):
            raise differs(entry)
    return manifest


def check_listing(directory: Path, manifest: Manifest, digest: str | None) -> None:
    """Raises ArtifactCorrupt unless the manifest is that digest's and lists the file of every bucket."""
    if digest is not None and manifest.digest != digest:
        raise ArtifactCorrupt(f"{directory} holds the artifact {manifest.digest}: compile the model again.")
    listed = {entry.path for entry in manifest.files}
    for bucket in manifest.buckets:
        if bucket.path not in listed:
            raise ArtifactCorrupt(f"{MANIFEST} does not list {bucket.path}: compile the model again.")
    reserved = listed & {MANIFEST, VERIFICATION}
    if reserved:
        raise ArtifactCorrupt(f"{MANIFEST} lists {reserved.pop()}: compile the model again.")


def missing(entry: FileEntry) -> ArtifactCorrupt:
    """A file that is not there, or is none."""
    return ArtifactCorrupt(f"The artifact's file {entry.path} is missing: compile the model again.")


def differs(entry: FileEntry) -> ArtifactCorrupt:
    """A file that is not the one that was published."""
    return ArtifactCorrupt(
        f"The artifact's file {entry.path} differs from its checksum: compile the model again."
    )
