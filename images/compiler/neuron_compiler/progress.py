"""How far a step is: a line in the log that the operator shows in status."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

# Seconds between two lines.
_INTERVAL = 2.0


class Progress:
    """Counts what a step has done and prints `progress: {...}`: at the start, at most every two seconds, at
    the end.
    """

    def __init__(
        self, step: str, unit: str, total: int | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._step, self._unit, self._total, self._clock = step, unit, total, clock
        self._done = 0
        self._begun = self._told = clock()
        self._tell(0.0)

    def advance(self, n: int) -> None:
        """Counts n more; a negative number takes back what has to be done anew."""
        self._done += n
        now = self._clock()
        if now - self._told >= _INTERVAL or self._done == self._total:
            self._told = now
            self._tell(now - self._begun)

    def _tell(self, seconds: float) -> None:
        print(f"progress: {json.dumps(self._content(seconds))}", flush=True)

    def _content(self, seconds: float) -> dict[str, str | int | None]:
        eta = None
        if self._total is not None and self._done > 0:
            eta = round(seconds / self._done * max(0, self._total - self._done))
        content: dict[str, str | int | None] = {"step": self._step, "unit": self._unit, "done": self._done}
        return {**content, "total": self._total, "etaSeconds": eta}
