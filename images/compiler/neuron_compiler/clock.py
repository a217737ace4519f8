"""The time that a step has. Waiting is not counted: for a lock, for a file system that stalls.

The step's processes are looked at once a second. One that waits in the kernel for a file system can't be
ended, and says nothing of the model: that second is not counted.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from neuron_compiler.failure import CompileError

TICK_SECONDS = 1.0
# A tick that comes later than this was held up: this process itself stood still in the kernel.
_LATE_SECONDS = 3.0


class Clock:
    """Counts the seconds that a step has worked. `limit`: seconds after which it is over."""

    def __init__(
        self, step: str, limit: float, stalled: Callable[[], bool], now: Callable[[], float] = time.monotonic
    ) -> None:
        self._step, self._limit, self._stalled, self._now = step, limit, stalled, now
        self.last = now()
        self._said = False
        self.paused = False
        self.worked = 0.0

    def tick(self) -> None:
        """Counts the time since the last tick. Raises CompileError when the step's time is over."""
        now = self._now()
        passed, self.last = now - self.last, now
        if self.paused:
            return
        if self._stalled():
            self._say()
            return
        self.worked += min(passed, _LATE_SECONDS)
        if self.worked > self._limit:
            raise CompileError(
                "CompileTimeout",
                f"The step {self._step} worked for longer than {self._limit:g} seconds: raise "
                "spec.compile.timeoutSeconds.",
            )

    def _say(self) -> None:
        if not self._said:
            print(f"{self._step}: a file system stalls; that time is not counted", flush=True)
        self._said = True


_current: Clock | None = None


@contextmanager
def limited(step: str, seconds: float | None) -> Iterator[None]:
    """Ends what goes on in the context when it has worked for so long, with a CompileError; None: never.

    To be entered once, by the main thread.
    """
    global _current
    if seconds is None:
        yield
        return
    _current = clock = Clock(step, seconds, children_stall)

    def tick(number: int, frame: FrameType | None) -> None:
        clock.tick()

    before = signal.signal(signal.SIGALRM, tick)
    signal.setitimer(signal.ITIMER_REAL, TICK_SECONDS, TICK_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        _current = None


@contextmanager
def paused() -> Iterator[None]:
    """What is waited for in the context is not the step's own time."""
    clock = _current
    if clock is not None:
        clock.paused = True
    try:
        yield
    finally:
        if clock is not None:
            clock.tick()
            clock.paused = False


def children_stall() -> bool:
    """Whether a thread of a process below this one waits in the kernel and can't be interrupted."""
    return any(_state(task) == "D" for pid in _below(os.getpid()) for task in _tasks(pid))


def _below(pid: int) -> Iterator[int]:
    for task in _tasks(pid):
        try:
            children = (task / "children").read_text().split()
        except OSError:
            continue  # It has just ended.
        for child in map(int, children):
            yield child
            yield from _below(child)


def _tasks(pid: int) -> list[Path]:
    try:
        return list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return []


def _state(task: Path) -> str:
    """The kernel's letter for a thread's state; empty where it has ended."""
    try:
        said = (task / "stat").read_text()
    except OSError:
        return ""
    # The name before it is in parentheses, and may hold any character.
    return said.rpartition(") ")[2][:1]
