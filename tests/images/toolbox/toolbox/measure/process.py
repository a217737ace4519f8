"""One process and all that it starts: its seconds, and the most memory at one moment."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_PAUSE_SECONDS = 0.02
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Cost:
    """Seconds of wall clock, and bytes of resident memory of all its processes at the worst moment."""

    seconds: float
    bytes: int


def run(words: Sequence[str], environ: Mapping[str, str]) -> Cost:
    """Run `python words...` to its end. Raises SystemExit with its log where it fails.

    Shared pages count for each process that has them.
    """
    idle, most = threading.Event(), 0
    began = time.monotonic()
    with subprocess.Popen(
        [sys.executable, *words],
        env={**os.environ, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        said: list[str] = []
        assert process.stdout
        reader = threading.Thread(target=said.extend, args=(process.stdout,), daemon=True)
        reader.start()
        while process.poll() is None:
            most = max(most, _resident(process.pid))
            idle.wait(_PAUSE_SECONDS)
        seconds = time.monotonic() - began
        reader.join()
    if process.returncode:
        sys.exit(f"{' '.join(words)} ended with {process.returncode}:\n{''.join(said)}")
    return Cost(seconds, most)


def _resident(pid: int) -> int:
    """Resident bytes of the process and its descendants; what ends meanwhile counts as nothing."""
    try:
        own = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return 0
    return own + sum(map(_resident, children))
