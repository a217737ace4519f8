"""Files and directories that survive a crash of the machine, flushed to the disk; and how they end."""

import hashlib
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

_CHUNK = 1 << 20


def write(path: Path, content: bytes) -> None:
    """Writes a new file and flushes it."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def flush(path: Path) -> None:
    """Flushes a file's content, or a directory's entries, to the disk."""
    # A name that stands for something else than it did is not followed, and a pipe not waited on.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256(path: Path, advance: Callable[[int], object] = lambda _: None) -> tuple[int, str]:
    """The size in bytes and the sha256 in hex of a file; `advance` hears how many bytes each read brings."""
    digest = hashlib.sha256()
    size = 0
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
            advance(len(chunk))
    return size, digest.hexdigest()


def remove(path: Path) -> None:
    """Removes a directory and all below it, whatever modes its owner has given it; links are not followed."""
    if path.is_symlink() or path.is_file():
        path.unlink(missing_ok=True)
        return
    for folder, folders, _ in os.walk(path):
        for name in folders:
            below = Path(folder) / name
            if not below.is_symlink() and below.stat().st_mode & stat.S_IRWXU != stat.S_IRWXU:
                below.chmod(stat.S_IRWXU)
    shutil.rmtree(path, ignore_errors=True)
