"""Mounting, on a machine that has FUSE."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imagebuild.errors import BuildError
from imagebuild.packages import have
from support.wait import eventually

from badfs import faults
from badfs.durable import Disk
from badfs.faults import Fault

_DEADLINE_SECONDS = 60.0


class CannotMount(Exception):
    """This machine lets nobody mount; the text says what it lacks."""


class Node:
    """One mount of a disk, and what goes wrong there."""

    def __init__(self, store: Path, control: Path) -> None:
        self.store = store
        self._control = control

    def fails(self, *each: Fault) -> None:
        """From now on these faults are met, and no others; none heals it."""
        faults.write(self._control, list(each))

    def stands_still(self) -> bool:
        """Whether an operation waits at a stall."""
        return faults.stalled_mark(self._control).exists()


@contextmanager
def mounted(disk: Disk, place: Path, name: str, *, locks: bool = True) -> Iterator[Node]:
    """Mounts the disk for the time of the context. Raises CannotMount."""
    try:
        able = Path("/dev/fuse").exists() and have("fusermount3", "fuse3")
    except BuildError as error:
        raise CannotMount(str(error)) from error
    if not able:
        raise CannotMount("This machine has no FUSE: /dev/fuse, or Debian's package fuse3, is missing.")
    store, control, log = place / name, place / f"{name}.faults", place / f"{name}.log"
    store.mkdir()
    words = [sys.executable, "-m", "badfs", str(disk.live.parent), str(store), str(control)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "FUSE_LIBRARY_NAME": "fuse3"}
    with log.open("w") as output:
        process = subprocess.Popen(
            [*words, *([] if locks else ["--no-locks"])], env=environment, stdout=output, stderr=output
        )
    try:
        _until_mounted(process, store, log)
        yield Node(store, control)
    finally:
        # Whoever still waits at a stall is let go first; a mount that is in use ends with its users.
        faults.write(control, [])
        subprocess.run(["fusermount3", "-u", "-z", str(store)], capture_output=True, check=False)
        try:
            process.wait(_DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _until_mounted(process: subprocess.Popen[bytes], store: Path, log: Path) -> None:
    def answered() -> bool:
        return store.is_mount() or process.poll() is not None

    eventually(answered, what="the mount is up", timeout=_DEADLINE_SECONDS, every=0.01)
    if not store.is_mount():
        raise CannotMount(log.read_text().strip()[-300:])
