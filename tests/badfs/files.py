"""The mount's operations: each meets its faults, then is passed on to the directory."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import mfusepy

from badfs.durable import Disk
from badfs.faults import Faults

_ATTRIBUTES = (
    "st_mode",
    "st_nlink",
    "st_uid",
    "st_gid",
    "st_size",
    "st_atime_ns",
    "st_mtime_ns",
    "st_ctime_ns",
    "st_ino",
)


class Files(mfusepy.Operations):  # type: ignore[misc]
    """A directory of a disk, with faults. `locks`: flock holds on this mount; else it answers ENOLCK."""

    use_ns = True

    def __init__(self, disk: Disk, faults: Faults, *, locks: bool) -> None:
        self._disk = disk
        self._faults = faults
        if not locks:
            # As an instance's attribute: without one the kernel keeps the locks, each mount its own.
            self.flock = _no_locks

    def _at(self, operation: str, path: str) -> Path:
        self._faults.meet(operation, path)
        return self._disk.live / path.lstrip("/")

    def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:
        found = os.fstat(fh) if fh is not None else self._at("getattr", path).lstat()
        said = {name.removesuffix("_ns"): getattr(found, name) for name in _ATTRIBUTES}
        return {**said, "st_blocks": found.st_blocks, "st_rdev": 0}

    def readdir(self, path: str, fh: int) -> Iterable[str]:
        return [".", "..", *os.listdir(self._at("readdir", path))]  # noqa: PTH208

    def mkdir(self, path: str, mode: int) -> int:
        self._at("mkdir", path).mkdir(mode)
        return 0

    def rmdir(self, path: str) -> int:
        target = self._at("rmdir", path)
        if any(target.iterdir()):
            raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY))
        self._disk.remove(target)
        return 0

    def unlink(self, path: str) -> int:
        self._disk.remove(self._at("unlink", path))
        return 0

    def rename(self, old: str, new: str) -> int:
        self._disk.rename(self._at("rename", old), self._disk.live / new.lstrip("/"))
        return 0

    def symlink(self, target: str, source: str) -> int:
        (self._disk.live / target.lstrip("/")).symlink_to(source)
        return 0

    def readlink(self, path: str) -> str:
        return os.readlink(self._disk.live / path.lstrip("/"))  # noqa: PTH115

    def chmod(self, path: str, mode: int) -> int:
        self._at("chmod", path).chmod(mode)
        return 0

    def utimens(self, path: str, times: tuple[int, int] | None = None) -> int:
        target = self._disk.live / path.lstrip("/")
        if times is None:
            os.utime(target)
        else:
            os.utime(target, ns=times)
        return 0

    def statfs(self, path: str) -> dict[str, int]:
        found = os.statvfs(self._disk.live)
        return {
            name: getattr(found, name) for name in dir(found) if name.startswith("f_") and name != "f_fsid"
        }

    def create(self, path: str, mode: int, fi: Any = None) -> int:
        return os.open(self._at("create", path), os.O_RDWR | os.O_CREAT, mode)

    def open(self, path: str, flags: int) -> int:
        # The kernel may read a page before it writes a part of it, and says itself where it appends.
        flags = (flags & ~(os.O_ACCMODE | os.O_APPEND)) | (os.O_RDWR if flags & os.O_ACCMODE else os.O_RDONLY)
        return os.open(self._at("open", path), flags)

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        self._at("read", path)
        return os.pread(fh, size, offset)

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        self._at("write", path)
        return os.pwrite(fh, data, offset)

    def truncate(self, path: str, length: int, fh: int | None = None) -> int:
        target = self._at("truncate", path)
        os.truncate(target if fh is None else fh, length)
        return 0

    def flush(self, path: str, fh: int) -> int:
        self._at("flush", path)
        return 0

    def release(self, path: str, fh: int) -> int:
        with contextlib.suppress(OSError):
            os.close(fh)
        return 0

    def fsync(self, path: str, datasync: int, fh: int) -> int:
        self._at("fsync", path)
        self._disk.flush_file(fh)
        return 0

    def fsyncdir(self, path: str, datasync: int, fh: int) -> int:
        self._disk.flush_directory(self._at("fsyncdir", path))
        return 0


def _no_locks(path: str, fh: int, op: int) -> int:
    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
