"""Time that passes only when nothing else is left to do."""

import asyncio
import selectors
from collections.abc import Iterator

import pytest

_HASTE = 150.0
_LONGEST_GRACE_SECONDS = 0.2
"""What one end of a connection sends reaches the other within one process soon, and yet not at once."""


class _JumpingSelector(selectors.DefaultSelector):
    """Instead of waiting, moves the clock of its loop forward; connections alone it waits for."""

    def __init__(self) -> None:
        super().__init__()
        self.elapsed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        connected = len(self.get_map()) > 1  # The loop itself has one.
        if not ready and connected and timeout != 0:
            ready = super().select(min(_LONGEST_GRACE_SECONDS, (timeout or _HASTE) / _HASTE))
        if not ready and timeout:
            self.elapsed += timeout
        return ready


class FakeTimeLoop(asyncio.SelectorEventLoop):
    """An event loop in which delays take no time and happen in order."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.elapsed


@pytest.fixture
def fake_time() -> Iterator[asyncio.Runner]:
    """A runner for coroutines in fake time."""
    with asyncio.Runner(loop_factory=FakeTimeLoop) as runner:
        yield runner
