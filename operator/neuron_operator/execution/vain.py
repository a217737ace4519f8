"""What was just tried in vain, so that it is not tried again at once."""

import time
from collections.abc import Callable, Hashable

PAUSE_SECONDS = 300.0


class Vain:
    """Attempts that rest for some minutes. They are not given up: whoever stands in the way may leave."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tried: dict[Hashable, float] = {}

    def add(self, attempt: Hashable) -> bool:
        """Let the attempt rest; says whether it is the first time that this one failed."""
        first = attempt not in self._tried
        self._tried[attempt] = self._clock()
        return first

    def rests(self, attempt: Hashable) -> bool:
        """Whether it is too early to try again."""
        tried = self._tried.get(attempt)
        return tried is not None and self._clock() - tried < PAUSE_SECONDS
