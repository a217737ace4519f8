"""Which step a compiler is at, read from its log."""

import json
import re
import threading
from collections.abc import Iterable

START, FETCH, COMPILE, PARITY, BENCHMARK, PUBLISH, AFTER = STEPS = (
    "start",
    "fetch",
    "compile",
    "parity",
    "benchmark",
    "publish",
    "after",
)
# The lines of these are written when they are over.
_NEXT = {FETCH: COMPILE, PUBLISH: AFTER}
_SAID = re.compile(r"^(?P<step>fetch|compile|parity|benchmark|publish): ")
_PROGRESS = "progress: "


class Log:
    """The furthest step that a log has named so far; `read` may run in a thread of its own.

    Attributes:
        lines: the log, a line each.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._step = START
        self._moved = threading.Condition()

    @property
    def step(self) -> str:
        return self._step

    def read(self, lines: Iterable[str]) -> None:
        """Follow the lines to their end."""
        for line in lines:
            self.lines.append(line.rstrip("\n"))
            now = step_of(line)
            if now is not None and STEPS.index(now) > STEPS.index(self._step):
                with self._moved:
                    self._step = now
                    self._moved.notify_all()

    def reaches(self, step: str, timeout: float) -> bool:
        """Wait until the log has named the step, or a later one; False where it does not in time (s)."""
        with self._moved:
            return self._moved.wait_for(
                lambda: STEPS.index(self._step) >= STEPS.index(step), timeout=max(timeout, 0)
            )


def step_of(line: str) -> str | None:
    """The step at which the compiler is after that line of its log; None where it does not tell.

    The result, a line of JSON, comes after all steps.
    """
    if line.startswith(_PROGRESS):
        step = json.loads(line.removeprefix(_PROGRESS)).get("step")
        return step if step in STEPS else None
    if line.startswith("{") and '"outcome"' in line:
        return AFTER
    said = _SAID.match(line)
    return _NEXT.get(said["step"], said["step"]) if said else None
