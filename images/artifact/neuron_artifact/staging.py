"""Temporary directories of a store, each owned by the process that holds its lock.

A writer locks `<store>/.tmp/<name>.lock` before it makes `<store>/.tmp/<name>` and keeps the lock as long
as it lives, so whoever gets that lock knows the directory to be abandoned, also when the writer was killed.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import shutil
from pathlib import Path

_SUFFIX = ".lock"
# What a file system without locks answers. Nothing counts as abandoned there.
_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS)


class Staging:
    """A temporary directory `path` of a digest, locked until `release`."""

    def __init__(self, store: Path, digest: str, owner: str) -> None:
        """Makes the directory. Raises OSError when the store can't be written to."""
        parent = store / ".tmp"
        parent.mkdir(exist_ok=True)
        while True:
            self.path = parent / f"{digest}.{owner}.{secrets.token_hex(4)}"
            self._lock = self.path.with_name(self.path.name + _SUFFIX)
            self._descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
            if try_lock(self._descriptor) is not False and self._lock.exists():
                break
            # Between the two calls a cleaner took the new lock for an abandoned one: use another name.
            os.close(self._descriptor)
        try:
            self.path.mkdir()
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """Removes the directory, if it is still there, and gives up the lock."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.unlink(missing_ok=True)
        os.close(self._descriptor)


def clean_abandoned(store: Path, digest: str) -> list[str]:
    """Removes the temporary directories of a digest that no living writer owns; returns their names."""
    parent = store / ".tmp"
    if not parent.is_dir():
        return []
    names = {
        entry.name.removesuffix(_SUFFIX) for entry in parent.iterdir() if entry.name.startswith(f"{digest}.")
    }
    return sorted(name for name in names if _remove_if_abandoned(parent, name))


def _remove_if_abandoned(parent: Path, name: str) -> bool:
    lock = parent / (name + _SUFFIX)
    try:
        descriptor = os.open(lock, os.O_RDWR)
    except FileNotFoundError:
        # The lock file is made first and removed last, so without it nobody owns the directory.
        if not (parent / name).exists():
            return False
        shutil.rmtree(parent / name, ignore_errors=True)
        return True
    try:
        if try_lock(descriptor) is not True:
            return False
        shutil.rmtree(parent / name, ignore_errors=True)
        lock.unlink(missing_ok=True)
        return True
    finally:
        os.close(descriptor)


def try_lock(descriptor: int) -> bool | None:
    """Locks the file unless another process holds it (False); None on a file system without locks."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno in _NO_LOCKS:
            return None
        raise
    return True
