"""Checksums of files as the sources give them."""

from __future__ import annotations

import base64
import hashlib
import zlib
from pathlib import Path
from typing import Any

from neuron_compiler.failure import CompileError

_BLOCK = 1 << 20


def sha256(path: Path) -> str:
    """The file's SHA-256 in hexadecimal digits."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def git_blob(path: Path) -> str:
    """The name git gives the file's content: SHA-1 of a header with its size, and the content."""
    digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    _feed(digest, path)
    return digest.hexdigest()


def crc32(path: Path) -> int:
    """The file's CRC-32."""
    value = 0
    with path.open("rb") as content:
        while block := content.read(_BLOCK):
            value = zlib.crc32(block, value)
    return value


def md5(path: Path) -> str:
    """The file's MD5 in hexadecimal digits."""
    digest = hashlib.md5(usedforsecurity=False)
    _feed(digest, path)
    return digest.hexdigest()


def md5_of_parts(path: Path, part_size: int) -> str:
    """What S3 calls the ETag of an object uploaded in parts of `part_size` bytes: the MD5 of the parts' MD5s
    and, after a hyphen, how many there are.
    """
    parts = []
    with path.open("rb") as content:
        while part := content.read(part_size):
            parts.append(hashlib.md5(part, usedforsecurity=False).digest())
    whole = hashlib.md5(b"".join(parts), usedforsecurity=False).hexdigest()
    return f"{whole}-{len(parts)}"


def from_base64(encoded: str) -> str:
    """The hexadecimal digits of a checksum that is given in base 64."""
    return base64.b64decode(encoded).hex()


def mismatch(name: str, source: str, expected: str, actual: str, heals: bool) -> CompileError:
    """The failure of a file that is not what its source says."""
    again = "it is fetched anew" if heals else "correct spec.model.sha256, or put the file right"
    return CompileError(
        "ChecksumMismatch",
        f"{name} from {source} has the checksum {actual}, where {expected} was expected: {again}.",
        heals=heals,
    )


def _feed(digest: Any, path: Path) -> None:
    with path.open("rb") as content:
        while block := content.read(_BLOCK):
            digest.update(block)
