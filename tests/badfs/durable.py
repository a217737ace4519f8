"""What of a directory survives when the power goes: files and names of directories, as last flushed.

It is stricter than any real file system: a flushed file whose name was not flushed is lost, and a name whose
file was not flushed is an empty file.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path


class Disk:
    """The directory `live`, the flushed part of it by inode, and what was removed: no inode comes again."""

    def __init__(self, place: Path) -> None:
        self.live = place / "live"
        self._kept = place / "kept"
        self._gone = place / "gone"
        for path in (self.live, self._kept, self._gone):
            path.mkdir(parents=True, exist_ok=True)

    def flush_file(self, descriptor: int) -> None:
        """The file's content is safe from now on."""
        with open(f"/proc/self/fd/{descriptor}", "rb") as source:  # noqa: PTH123
            self._keep(f"{os.fstat(descriptor).st_ino}", source.read())

    def flush_directory(self, path: Path) -> None:
        """The directory's names are safe from now on."""
        with os.scandir(path) as entries:
            names = {entry.name: [entry.inode(), entry.is_dir(follow_symlinks=False)] for entry in entries}
        self._keep(f"{path.stat().st_ino}.names", json.dumps(names).encode())

    def remove(self, path: Path) -> None:
        """Takes a file or an empty directory away; it comes back with the power if its name was flushed."""
        path.rename(self._gone / f"{path.lstat().st_ino}")

    def rename(self, old: Path, new: Path) -> None:
        """As rename(2) does."""
        if new.is_file() and not old.is_dir():
            (self._gone / f"{new.stat().st_ino}").hardlink_to(new)
        old.rename(new)

    def lose_power(self) -> None:
        """Leaves in the directory what was flushed, and nothing else; nobody may have it open."""
        after = self.live.with_name("after")
        after.mkdir()
        self._restore(self.live.stat().st_ino, after)
        for path in (self.live, self._kept, self._gone):
            shutil.rmtree(path)
        after.rename(self.live)
        for path in (self._kept, self._gone):
            path.mkdir()
        for folder, _, files in os.walk(self.live):
            self.flush_directory(Path(folder))
            for name in files:
                self._keep(f"{(Path(folder) / name).stat().st_ino}", (Path(folder) / name).read_bytes())

    def _restore(self, inode: int, to: Path) -> None:
        try:
            names = json.loads((self._kept / f"{inode}.names").read_bytes())
        except FileNotFoundError:
            return
        for name, (below, is_directory) in names.items():
            if is_directory:
                (to / name).mkdir()
                self._restore(below, to / name)
            elif (self._kept / f"{below}").exists():
                shutil.copyfile(self._kept / f"{below}", to / name)
            else:
                (to / name).touch()

    def _keep(self, name: str, content: bytes) -> None:
        partial = self._kept / f"{name}.{os.getpid()}"
        partial.write_bytes(content)
        partial.replace(self._kept / name)
