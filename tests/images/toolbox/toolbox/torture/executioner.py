"""`python -m toolbox.torture.executioner POD`: SIGKILL to the first process of that pod's container.

It runs as root in the node's process namespace. The container is the one whose environment says POD_NAME=POD;
the kernel ends all its other processes with the first one. Exit code 1 where there is none.
"""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path


def first_processes(pod: str) -> Iterator[int]:
    """Process ids, seen from here, of what runs as process 1 of a container of the pod."""
    mark = f"POD_NAME={pod}".encode()
    for process in Path("/proc").iterdir():
        try:
            if not process.name.isdigit() or mark not in (process / "environ").read_bytes().split(b"\0"):
                continue
            status = (process / "status").read_text()
        except OSError:
            continue
        ids = next(line.split()[1:] for line in status.splitlines() if line.startswith("NSpid:"))
        if ids[-1] == "1":
            yield int(process.name)


def main(words: list[str]) -> int:
    killed = list(first_processes(words[0]))
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    print(len(killed))
    return 0 if killed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
