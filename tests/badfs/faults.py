"""What goes wrong, when, and at which files: written by a test, read before every operation."""

from __future__ import annotations

import errno
import fnmatch
import json
import os
import threading
from dataclasses import asdict, dataclass
from pathlib import Path

STALL = "STALL"
ANY = "*"
# All that changes a file system, and all that an operation on a file may end with.
CHANGING = ("create", "write", "mkdir", "rename", "unlink", "rmdir", "truncate", "chmod")
OPERATIONS = (*CHANGING, "open", "read", "flush", "fsync", "fsyncdir", "getattr", "readdir")
_PAUSE_SECONDS = 0.005


@dataclass(frozen=True)
class Fault:
    """From its `after`-th such operation on, and `times` times, an operation on a file like `pattern` fails.

    `error` is the name of an errno, or STALL: then it stands still until the fault is taken away.
    """

    operation: str
    error: str
    pattern: str = ANY
    after: int = 0
    times: int = 1


def write(path: Path, faults: list[Fault]) -> None:
    """Has a mount meet these faults from now on, counted anew, and no others."""
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps([asdict(fault) for fault in faults]))
    partial.replace(path)


def stalled_mark(path: Path) -> Path:
    """The file that is there while an operation of the mount stands still."""
    return path.with_suffix(".stalled")


class Faults:
    """The faults of one mount, and how often each was due."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._version: tuple[int, int] | None = None
        self._faults: list[Fault] = []
        self._met: list[int] = []

    def meet(self, operation: str, path: str) -> None:
        """Raises OSError, or stands still, where a fault is due."""
        for fault in self._due(operation, path):
            if fault.error != STALL:
                raise OSError(getattr(errno, fault.error), os.strerror(getattr(errno, fault.error)))
            version, stalled = self._version, stalled_mark(self._path)
            stalled.touch()
            while self._now() == version:
                threading.Event().wait(_PAUSE_SECONDS)
            stalled.unlink(missing_ok=True)

    def _due(self, operation: str, path: str) -> list[Fault]:
        with self._lock:
            if (now := self._now()) != self._version:
                self._faults = [Fault(**each) for each in json.loads(self._path.read_text())] if now else []
                self._version, self._met = now, [0] * len(self._faults)
            due = []
            for number, fault in enumerate(self._faults):
                if fault.operation not in (operation, ANY) or not fnmatch.fnmatch(path, fault.pattern):
                    continue
                self._met[number] += 1
                if fault.after < self._met[number] <= fault.after + fault.times:
                    due.append(fault)
            return due

    def _now(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_mtime_ns
