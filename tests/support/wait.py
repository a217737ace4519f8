"""Waiting on a condition, never on the clock alone."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class TimedOut(AssertionError):
    """The condition did not come true in time; the message says what was last seen."""


def eventually(probe: Callable[[], T | None], *, what: str, timeout: float = 120.0, every: float = 0.2) -> T:
    """Call `probe` until it returns something true, and return that.

    An AssertionError raised by the probe counts as "not yet", and its text is part of the failure's.

    Args:
        probe: looks once; returns None, False or raises AssertionError while the condition is not met.
        what: the condition in words, for the failure's message.
        timeout: seconds until giving up.
        every: seconds between two looks.

    Raises:
        TimedOut: the condition was not met within `timeout`.
    """
    deadline = time.monotonic() + timeout
    idle = threading.Event()
    seen = "nothing"
    while True:
        try:
            result = probe()
            if result:
                return result
            seen = repr(result)
        except AssertionError as refusal:
            seen = str(refusal)
        if time.monotonic() >= deadline:
            raise TimedOut(f"not within {timeout:g} s: {what}; last seen: {seen}")
        idle.wait(every)
