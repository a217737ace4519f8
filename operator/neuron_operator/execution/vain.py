"""What was just tried in vain, so that it is not tried again at once."""

import time
from collections.abc import Callable, Hashable

PAUSE_SECONDS = 300.0
_MOST_REMEMBERED = 10_000
"""The oldest attempts are forgotten: objects come and go under ever new names."""


class Vain:
    """Attempts that rest for some minutes. They are not given up: whoever stands in the way may leave."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tried: dict[Hashable, float] = {}

    def add(self, attempt: Hashable) -> bool:
        """Let the attempt rest; says whether it is the first time that this one failed."""
        first = self._tried.pop(attempt, None) is None
        self._tried[attempt] = self._clock()
        if len(self._tried) > _MOST_REMEMBERED:
            del self._tried[next(iter(self._tried))]
        return first

    def rests(self, attempt: Hashable) -> bool:
        """Whether it is too early to try again."""
        tried = self._tried.get(attempt)
        return tried is not None and self._clock() - tried < PAUSE_SECONDS
