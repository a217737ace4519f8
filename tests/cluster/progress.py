"""What a person sees while something takes long."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

Value = TypeVar("Value")
_REPORT_EVERY_SECONDS = 15.0


@contextmanager
def step(name: str) -> Iterator[None]:
    """Report on stderr that `name` has begun, each 15 s that it goes on, and how long it took."""
    begun = time.monotonic()
    ended = threading.Event()

    def report() -> None:
        while not ended.wait(_REPORT_EVERY_SECONDS):
            say(f"  {name}: {time.monotonic() - begun:.0f} s so far")

    reporter = threading.Thread(target=report, daemon=True)
    reporter.start()
    say(f"{name} ...")
    try:
        yield
    except BaseException:
        say(f"{name}: failed after {time.monotonic() - begun:.1f} s")
        raise
    else:
        say(f"{name}: {time.monotonic() - begun:.1f} s")
    finally:
        ended.set()
        reporter.join()


def until(condition: Callable[[], Value | None], what: str, seconds: float, interval: float = 0.2) -> Value:
    """Return the condition's first value that is not None.

    Raises RuntimeError that says `what` was awaited when `seconds` have passed.
    """
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while True:
        value = condition()
        if value is not None:
            return value
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what} did not come about within {seconds:.0f} s")
        pause.wait(interval)


def say(line: str) -> None:
    """Print one line on stderr."""
    print(line, file=sys.stderr, flush=True)
