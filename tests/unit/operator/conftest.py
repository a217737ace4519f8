"""Time that passes only when nothing else is left to do."""

import asyncio
import selectors
from collections.abc import Iterator

import pytest


class _JumpingSelector(selectors.DefaultSelector):
    """Instead of waiting, moves the clock of its loop forward."""

    def __init__(self) -> None:
        super().__init__()
        self.elapsed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
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
