"""A model directory seen as a repository of one commit, and the Range header."""

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

# What the hub keeps in large file storage.
_LARGE = (".safetensors", ".bin", ".h5", ".onnx")


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
        """Return the checksum by which the hub knows a file: SHA-256 of a large one, else git's SHA-1."""
        status = (self.directory / file).stat()
        return _checksum(self.directory / file, status.st_size, status.st_mtime_ns)

    def sibling(self, file: str) -> dict[str, Any]:
        """Return what a model's description says of a file when it is asked for `blobs`."""
        size, etag = (self.directory / file).stat().st_size, self.etag(file)
        pointer = {"lfs": {"sha256": etag, "size": size, "pointerSize": 134}} if file.endswith(_LARGE) else {}
        return {"rfilename": file, "size": size, "blobId": etag[:40], **pointer}

    def commit(self) -> str:
        """Return 40 hex digits that change with any of the files."""
        return hashlib.sha1("".join(map(self.etag, self.files())).encode()).hexdigest()


@lru_cache(maxsize=1024)
def _checksum(path: Path, size: int, _changed: int) -> str:
    large = path.name.endswith(_LARGE)
    digest = hashlib.sha256() if large else hashlib.sha1(f"blob {size}\0".encode())
    with path.open("rb") as content:
        while block := content.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def byte_range(header: str | None, size: int) -> tuple[int, int]:
    """Return the first byte asked for and the one after the last, by a header like bytes=10-19 or bytes=10-.

    A header that asks for anything else, or beyond the end, counts as none: the whole file.
    """
    match = re.fullmatch(r"bytes=(\d+)-(\d*)", header or "")
    if not match or int(match[1]) >= size:
        return 0, size
    return int(match[1]), min(size, int(match[2]) + 1) if match[2] else size
