"""One writer for each digest, on whichever node it runs."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from neuron_artifact.reader import artifact_path
from neuron_artifact.staging import try_lock


@contextmanager
def writer_lock(store: Path, digest: str, on_wait: Callable[[], None]) -> Iterator[Path]:
    """Holds the digest's lock, a file below `<store>/.locks`; yields its path.

    While another process holds it `on_wait` is called once, and this one waits. A lock ends with its process;
    on NFS it is the server's, and ends when the lease of a lost client does. On a file system without locks
    nobody waits. Raises OSError when the store can't be written to, ValueError for a digest that is none.
    """
    path = store / ".locks" / artifact_path(store, digest).name
    path.parent.mkdir(exist_ok=True)
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            if try_lock(descriptor) is False:
                on_wait()
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            if _is_still(path, descriptor):
                yield path
                return
        finally:
            os.close(descriptor)


def _is_still(path: Path, descriptor: int) -> bool:
    """Whether the locked file is the one that others find: a holder may have removed it at the end."""
    try:
        return path.stat().st_ino == os.fstat(descriptor).st_ino
    except FileNotFoundError:
        return False
