"""Loading what was checked: files come to the node's own disk, and are checked as they come.

A file that is checked where it lies and read again afterwards may be another one by then.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from neuron_artifact.errors import ArtifactCorrupt, ArtifactMissing
from neuron_artifact.manifest import FileEntry, Manifest
from neuron_artifact.reader import (
    MANIFEST,
    check_listing,
    differs,
    manifest_of,
    missing,
    must_have_passed,
    whole,
)

_CHUNK = 1 << 20


def bring(
    source: Path, to: Path, digest: str, sha256: str | None = None, *, buckets: bool, passed: bool = True
) -> Manifest:
    """Brings an artifact to the directory `to`, every file checked against the manifest on its way.

    Without `buckets` the compiled modules, which are large, stay behind links; `loadable` checks each when it
    is loaded. What an earlier start has brought whole stays. `passed`: whether the accelerator must have
    passed it. Raises ArtifactMissing, ArtifactCorrupt, ArtifactUnverified, or OSError of either disk.
    """
    if buckets and _stands(to, digest, sha256):
        manifest = manifest_of(to, sha256)[0]
        if passed and source.exists():
            must_have_passed(source, manifest)
        return manifest
    manifest, content = manifest_of(source, sha256)
    check_listing(source, manifest, digest)
    if passed:
        must_have_passed(source, manifest)
    partial = to.with_name(f"{to.name}.partial")
    for old in (partial, to):
        shutil.rmtree(old, ignore_errors=True)
    partial.mkdir(parents=True)
    large = set() if buckets else {bucket.path for bucket in manifest.buckets}
    for entry in manifest.files:
        target = partial / entry.path
        target.parent.mkdir(parents=True, exist_ok=True)
        if entry.path in large:
            _must_be_there(source, entry)
            target.symlink_to((source / entry.path).absolute())
        else:
            with target.open("xb") as file:
                _copy(source, entry, file)
    (partial / MANIFEST).write_bytes(content)
    partial.rename(to)
    return manifest


@contextmanager
def loadable(directory: Path, manifest: Manifest, path: str) -> Iterator[Path]:
    """A file of a directory that `bring` has made, to be loaded within the context.

    Where it is a link, the file is copied below TMPDIR while it is checked, and goes when it is loaded.
    Raises ArtifactCorrupt, or OSError of either disk.
    """
    if not (directory / path).is_symlink():
        yield directory / path
        return
    entry = next(entry for entry in manifest.files if entry.path == path)
    origin = (directory / path).readlink()
    with tempfile.TemporaryDirectory(prefix="load-") as scratch:
        copy = Path(scratch) / origin.name
        with copy.open("xb") as file:
            _copy(origin.parent, FileEntry(origin.name, entry.bytes, entry.sha256), file)
        yield copy


def _stands(to: Path, digest: str, sha256: str | None) -> bool:
    try:
        whole(to, digest, sha256)
    except (ArtifactCorrupt, ArtifactMissing):
        return False
    return True


def _must_be_there(source: Path, entry: FileEntry) -> None:
    try:
        found = (source / entry.path).lstat()
    except (FileNotFoundError, NotADirectoryError):
        raise missing(entry) from None
    if not stat.S_ISREG(found.st_mode):
        raise missing(entry)
    if found.st_size != entry.bytes:
        raise differs(entry)


def _copy(source: Path, entry: FileEntry, target: IO[bytes]) -> None:
    """Copies a file and checks what was copied, never more than the manifest says of it."""
    try:
        descriptor = os.open(source / entry.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        raise missing(entry) from None
    except OSError as error:
        if (source / entry.path).is_symlink():
            raise missing(entry) from error
        raise
    checksum, left = hashlib.sha256(), entry.bytes
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise missing(entry)
        while block := file.read(min(_CHUNK, left + 1)):
            left -= len(block)
            if left < 0:
                raise differs(entry)
            checksum.update(block)
            target.write(block)
    if left or checksum.hexdigest() != entry.sha256:
        raise differs(entry)
