"""A model directory seen as a repository of one commit, and the Range header."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Repository:
    """A directory under a repository's name."""

    name: str
    directory: Path

    def files(self) -> list[str]:
        """Return the paths of all files, relative to the directory and sorted."""
        found = (path for path in self.directory.rglob("*") if path.is_file())
        return sorted(path.relative_to(self.directory).as_posix() for path in found)

    def etag(self, file: str) -> str:
        """Return 40 hex digits that change with the file's size or time."""
        status = (self.directory / file).stat()
        return hashlib.sha1(f"{file} {status.st_size} {status.st_mtime_ns}".encode()).hexdigest()

    def commit(self) -> str:
        """Return 40 hex digits that change with any of the files."""
        return hashlib.sha1("".join(map(self.etag, self.files())).encode()).hexdigest()


def byte_range(header: str | None, size: int) -> tuple[int, int]:
    """Return the first byte asked for and the one after the last, by a header like bytes=10-19 or bytes=10-.

    A header that asks for anything else, or beyond the end, counts as none: the whole file.
    """
    match = re.fullmatch(r"bytes=(\d+)-(\d*)", header or "")
    if not match or int(match[1]) >= size:
        return 0, size
    return int(match[1]), min(size, int(match[2]) + 1) if match[2] else size
