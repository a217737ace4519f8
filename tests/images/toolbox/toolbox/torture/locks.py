"""Who holds the store's locks, as the kernel tells it: of the processes that this one can see."""

import re
from collections.abc import Iterator
from pathlib import Path

# "1: POSIX  ADVISORY  WRITE 4242 fe:00:1234 0 EOF"; a waiter has "->" before the kind.
_HELD = re.compile(r"^\d+: (POSIX|FLOCK) +ADVISORY +WRITE (?P<pid>\d+) \S+:(?P<inode>\d+) ")
_DELETED = " (deleted)"


def holders(directory: Path) -> dict[str, set[int]]:
    """The processes that hold the write lock of a digest, by the digest; `directory` is the store's `.work`.

    A lock file that was removed and made anew is two files with one name: their holders count together.
    """
    found: dict[str, set[int]] = {}
    for line in Path("/proc/locks").read_text().splitlines():
        if held := _HELD.match(line):
            for name in _names_of(int(held["pid"]), int(held["inode"]), directory):
                found.setdefault(name, set()).add(int(held["pid"]))
    return found


def _names_of(pid: int, inode: int, directory: Path) -> Iterator[str]:
    """Digests whose lock is that inode, which the process has open."""
    opened = Path(f"/proc/{pid}/fd")
    try:
        descriptors = list(opened.iterdir())
    except OSError:
        return
    for descriptor in descriptors:
        try:
            path, its = descriptor.readlink(), descriptor.stat().st_ino
        except OSError:
            continue
        lock = Path(str(path).removesuffix(_DELETED))
        if its == inode and lock.name == "lock" and lock.parent.parent == directory:
            yield lock.parent.name
