"""One writer for each digest, on whichever node it runs."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from neuron_artifact.durable import remove

_NAME = "lock"
# What a file system without locks answers: nobody waits there, and nothing counts as abandoned.
_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS)
_NO_FILE = (errno.ELOOP, errno.EISDIR, errno.ENXIO)


@contextmanager
def writer_lock(work: Path, on_wait: Callable[[], None]) -> Iterator[bool]:
    """Holds the lock of a digest's `work` directory; yields False on a file system without locks.

    While another process holds it `on_wait` is called once, and this one waits. A lock ends with its process;
    on NFS it is the server's, and ends when the lease of a lost client does. Raises OSError when the store
    can't be written to.
    """
    path = work / _NAME
    while True:
        work.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o644)
        except FileNotFoundError:
            continue  # A collector has removed the directory between the two calls.
        except OSError as error:
            if error.errno not in _NO_FILE:
                raise
            # Only the model's own code, which sees this directory, puts something else there.
            remove(path)
            continue
        try:
            got = _try_lock(descriptor)
            if got is False:
                on_wait()
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            if _is_still(path, descriptor):
                yield got is not None
                return
        finally:
            os.close(descriptor)


def forget(work: Path) -> None:
    """Removes the lock's file, and the directory if nothing else is left; for the lock's holder."""
    (work / _NAME).unlink(missing_ok=True)
    try:
        work.rmdir()
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT, errno.EBUSY):
            raise


def _is_still(path: Path, descriptor: int) -> bool:
    """Whether the locked file is the one that others find: a holder may have removed it at the end."""
    try:
        return path.stat().st_ino == os.fstat(descriptor).st_ino
    except FileNotFoundError:
        return False


def _try_lock(descriptor: int) -> bool | None:
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
