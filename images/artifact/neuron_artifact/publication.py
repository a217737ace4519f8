"""Publishing an artifact: all of it under its name in one step, or nothing."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from neuron_artifact import durable
from neuron_artifact.errors import ArtifactCorrupt, ArtifactMissing
from neuron_artifact.manifest import FileEntry, Manifest
from neuron_artifact.reader import MANIFEST, artifact_path, whole
from neuron_artifact.staging import Staging, clean_abandoned

_TAKEN = (errno.EEXIST, errno.ENOTEMPTY)


class Publication:
    """One writer's attempt to publish the artifact of a digest.

    Use it as a context manager: `path` is a temporary directory to fill, `publish` makes it the artifact, and
    leaving the context removes what was not published. `lost_race` tells after `publish` that another writer
    was first and its artifact stands.
    """

    def __init__(self, store: Path, digest: str, writer: str) -> None:
        """`writer` names the process in the temporary directory's name, such as the pod."""
        self._store = store
        self._digest = digest
        self._writer = writer
        self._target = artifact_path(store, digest)
        self._staging: Staging | None = None
        self.lost_race = False

    def __enter__(self) -> Publication:
        clean_abandoned(self._store, self._digest)
        self._staging = Staging(self._store, self._digest, self._writer)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._staging is not None:
            self._staging.release()
            self._staging = None

    @property
    def path(self) -> Path:
        """The temporary directory that becomes the artifact."""
        if self._staging is None:
            raise RuntimeError("a Publication has a path only inside its context")
        return self._staging.path

    def publish(self, manifest: Manifest, advance: Callable[[int], object] = lambda _: None) -> Path:
        """Makes the directory the artifact and returns its path.

        The manifest's `files` are filled in here, and `advance` is told the bytes of each. When another
        writer was first, its artifact is verified and stands; a corrupt one is replaced. Raises OSError when
        the store can't be written to, ValueError when the directory holds something other than files and
        directories.
        """
        complete = replace(manifest, files=tuple(self._flush_files(advance)))
        durable.write(self.path / MANIFEST, complete.to_json().encode())
        for folder, _, _ in os.walk(self.path, topdown=False):
            durable.flush(Path(folder))
        while not self._rename():
            try:
                whole(self._target, self._digest)
            except ArtifactMissing:
                continue
            except ArtifactCorrupt:
                self._set_aside()
            else:
                self.lost_race = True
                return self._target
        durable.flush(self._store)
        return self._target

    def _flush_files(self, advance: Callable[[int], object]) -> list[FileEntry]:
        entries = []
        for folder, folders, files in os.walk(self.path):
            links = [name for name in (*folders, *files) if (Path(folder) / name).is_symlink()]
            if links:
                raise ValueError(f"an artifact holds no symbolic links: {links[0]}")
            for name in files:
                path = Path(folder) / name
                durable.flush(path)
                size, checksum = durable.sha256(path)
                advance(size)
                entries.append(FileEntry(path.relative_to(self.path).as_posix(), size, checksum))
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

    def _set_aside(self) -> None:
        set_aside(self._store, self._target, self._digest)


def set_aside(store: Path, target: Path, digest: str) -> None:
    """Takes a directory out of the readers' sight in one step, then deletes it; absent is fine."""
    staging = Staging(store, digest, "removed")
    try:
        target.rename(staging.path / "artifact")
        durable.flush(store)
    except FileNotFoundError:
        pass
    finally:
        staging.release()
