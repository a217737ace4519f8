"""Publishing an artifact: all of it under its name in one step, or nothing."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from neuron_artifact import durable, work
from neuron_artifact.errors import ArtifactCorrupt, ArtifactMissing
from neuron_artifact.manifest import FileEntry, Manifest
from neuron_artifact.reader import MANIFEST, artifact_path, manifest_of, whole

_TAKEN = (errno.EEXIST, errno.ENOTEMPTY)
_MOST_FILES = 10_000


class Publication:
    """One writer's attempt to publish the artifact of a digest.

    Use it as a context manager: `path` is a directory to fill, `publish` makes it the artifact, and leaving
    the context removes what was not published. `lost_race` tells after `publish` that another writer was
    first and its artifact stands, `sha256` that of the manifest that stands.
    """

    def __init__(self, store: Path, digest: str, writer: str, attempt: work.Attempt | None = None) -> None:
        """`writer` names the pod; `attempt`: a finished one, to be published as it is."""
        self._store = store
        self._digest = digest
        self._target = artifact_path(store, digest)
        self._work = work.work_path(store, digest)
        self._given = attempt
        self._attempt = attempt or work.Attempt(self._work, writer)
        self.lost_race = False
        self.sha256 = ""

    def __enter__(self) -> Publication:
        if self._given is None:
            self._attempt.begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._attempt.remove()

    @property
    def path(self) -> Path:
        """The directory that becomes the artifact."""
        return self._attempt.files

    def publish(self, manifest: Manifest, advance: Callable[[int], object] = lambda _: None) -> Path:
        """Makes the directory the artifact and returns its path.

        The manifest's `files` are filled in here, and `advance` is told the bytes of each. When another
        writer was first, its artifact is verified and stands; a corrupt one is replaced. Raises OSError when
        the store can't be written to, ValueError when the directory holds something other than files and
        directories, or far too many.
        """
        (self.path / MANIFEST).unlink(missing_ok=True)
        complete = replace(manifest, files=tuple(self._flush_files(advance)))
        content = complete.to_json().encode()
        durable.write(self.path / MANIFEST, content)
        for folder, _, _ in os.walk(self.path, topdown=False):
            durable.flush(Path(folder))
        while not self._rename():
            try:
                whole(self._target, self._digest)
                standing = manifest_of(self._target)[1]
            except ArtifactMissing:
                continue
            except ArtifactCorrupt:
                work.set_aside(self._work, self._target)
            else:
                self.lost_race = True
                self.sha256 = hashlib.sha256(standing).hexdigest()
                return self._target
        durable.flush(self._store)
        self.sha256 = hashlib.sha256(content).hexdigest()
        return self._target

    def _flush_files(self, advance: Callable[[int], object]) -> list[FileEntry]:
        entries = []
        for path in _plain_files(self.path):
            durable.flush(path)
            size, checksum = durable.sha256(path)
            advance(size)
            entries.append(FileEntry(path.relative_to(self.path).as_posix(), size, checksum))
            if len(entries) > _MOST_FILES:
                raise ValueError(f"an artifact holds at most {_MOST_FILES} files")
        return sorted(entries, key=lambda entry: entry.path)

    def _rename(self) -> bool:
        """Renames the directory into place; False when there is one already."""
        try:
            self.path.rename(self._target)
        except OSError as error:
            if error.errno in _TAKEN:
                return False
            raise
        return True


def _plain_files(root: Path) -> Iterator[Path]:
    """The files below a directory, made readable for all; nothing else may lie there.

    Whoever wrote them may have had reasons of its own: a link would lead out, a pipe would be waited on.
    """
    for folder, folders, files in os.walk(root):
        for name in sorted((*folders, *files)):
            path = Path(folder) / name
            mode = path.lstat().st_mode
            if stat.S_ISLNK(mode):
                raise ValueError(f"an artifact holds no symbolic links: {name}")
            if stat.S_ISDIR(mode):
                path.chmod(0o755)
                continue
            if not stat.S_ISREG(mode):
                raise ValueError(f"an artifact holds plain files alone: {name}")
            path.chmod(0o644)
            yield path
