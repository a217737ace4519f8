"""One compiler started by hand, and the end of all its processes at one moment."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from toolbox.torture.steps import Log

COMMAND = (sys.executable, "-m", "toolbox.pod", "compile")


class Writer:
    """The containers of a compile Job, in processes of their own; its log is read as it comes.

    Attributes:
        log: what it has said so far.
        ended: set when its log has ended, and so all its processes have.
    """

    def __init__(self, name: str, environ: Mapping[str, str]) -> None:
        self._started = time.monotonic()
        self._process = subprocess.Popen(
            COMMAND,
            env={**os.environ, **environ, "POD_NAME": name},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.log = Log()
        self.ended = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def elapsed(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self._started

    def finish(self, timeout: float) -> int:
        """Wait for its end, and return its exit code. Raises subprocess.TimeoutExpired."""
        code = self._process.wait(timeout)
        self._reader.join(timeout)
        return code

    def kill(self) -> bool:
        """SIGKILL all its processes at one moment; False where it had ended by itself.

        The end of a container takes all its processes at once. Here they are stopped, the first one first,
        until none is left that could act on another's death, and then killed, the first one last.
        """
        family: list[int] = []
        found = [self._process.pid] if self._process.poll() is None else []
        while found:
            for pid in found:
                _signal(pid, signal.SIGSTOP)
            family += found
            found = [pid for parent in family for pid in _children(parent) if pid not in family]
        for pid in reversed(family):
            _signal(pid, signal.SIGKILL)
        self._process.wait()
        for pid in family[1:]:
            # Whoever is the first process of a container inherits orphans, and has to bury them.
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
        self._reader.join()
        return bool(family)

    def _read(self) -> None:
        assert self._process.stdout
        with self._process.stdout as lines:
            self.log.read(lines)
        self.ended.set()


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _children(parent: int) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{parent}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
    return found
