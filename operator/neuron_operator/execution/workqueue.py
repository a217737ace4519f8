"""A work queue: keys are handled one task per key at a time, deduplicated, retried with growing delays.

It knows nothing of Kubernetes. What it guarantees:

- a key added any number of times before its turn is handled once;
- a key added while it is being handled is handled once more afterwards, never twice at once;
- a key whose handler raises comes back after a delay that doubles with every failure in a row, and not before
  the error's own `retry_after` where it has one, whatever wakes it;
- a key whose handler returns a number of seconds comes back then, unless something wakes it earlier.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

logger = logging.getLogger(__name__)

Key = TypeVar("Key", bound=Hashable)

_FIRST_RETRY_SECONDS = 0.5
_LONGEST_RETRY_SECONDS = 300.0


class WorkQueue(Generic[Key]):
    """Runs `handle(key)` for every added key.

    `handle` returns the seconds after which it wants to see the key again, None for "when it is added again".
    Failures of the `expected` kinds are told in one line, all others with their traceback.
    """

    def __init__(
        self,
        handle: Callable[[Key], Awaitable[float | None]],
        *,
        workers: int,
        expected: tuple[type[Exception], ...] = (),
    ) -> None:
        self._handle = handle
        self._expected = expected
        self._workers = workers
        self._ready: deque[Key] = deque()
        self._queued: set[Key] = set()
        self._active: set[Key] = set()
        self._woken_while_active: set[Key] = set()
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._failures: dict[Key, int] = {}
        self._not_before: dict[Key, float] = {}
        self._available = asyncio.Semaphore(0)
        self._moved: float | None = None
        """When a worker last began or ended something; None while no worker runs."""

    @property
    def depth(self) -> int:
        """Keys that wait for a worker."""
        return len(self._ready)

    def add(self, key: Key) -> None:
        """Handle the key as soon as a worker is free."""
        self._drop_timer(key)
        rest = self._rest(key)
        if rest > 0:
            self._timers[key] = asyncio.get_running_loop().call_later(rest, self.add, key)
            return
        if key in self._active:
            self._woken_while_active.add(key)
        elif key not in self._queued:
            if not self._ready and not self._active and self._moved is not None:
                self._move()
            self._queued.add(key)
            self._ready.append(key)
            self._available.release()

    def add_after(self, seconds: float, key: Key) -> None:
        """Handle the key in so many seconds; of several delays the shortest counts.

        One that waits for a worker comes anyway.
        """
        if key in self._queued:
            return
        loop = asyncio.get_running_loop()
        seconds = max(seconds, self._rest(key))
        timer = self._timers.get(key)
        if timer is not None and timer.when() <= loop.time() + seconds:
            return
        self._drop_timer(key)
        self._timers[key] = loop.call_later(seconds, self.add, key)

    async def run(self) -> None:
        """Work until cancelled."""
        self._move()
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(self._workers):
                    group.create_task(self._work(), name=f"worker {number}")
        finally:
            self._moved = None
            for key in list(self._timers):
                self._drop_timer(key)

    def stuck_seconds(self) -> float:
        """How long keys have waited, or been handled, while no worker began or ended anything; 0 at rest."""
        if self._moved is None or not (self._ready or self._active):
            return 0.0
        return asyncio.get_running_loop().time() - self._moved

    def _move(self) -> None:
        self._moved = asyncio.get_running_loop().time()

    async def _work(self) -> None:
        while True:
            await self._available.acquire()
            key = self._ready.popleft()
            self._move()
            self._queued.discard(key)
            self._active.add(key)
            again = await self._attempt(key)
            self._active.discard(key)
            self._move()
            if key in self._woken_while_active:
                self._woken_while_active.discard(key)
                self.add(key)
            elif again is not None:
                self.add_after(again, key)

    async def _attempt(self, key: Key) -> float | None:
        """Handle the key once; the seconds after which it should come back."""
        try:
            again: float | None = await self._handle(key)
        except Exception as error:
            failures = self._failures.get(key, 0)
            self._failures[key] = failures + 1
            delay = min(_FIRST_RETRY_SECONDS * 2.0**failures, _LONGEST_RETRY_SECONDS)
            asked = getattr(error, "retry_after", 0.0)
            if asked > 0:
                self._not_before[key] = asyncio.get_running_loop().time() + asked
            delay = max(delay, asked)
            expected = isinstance(error, self._expected)
            level = logging.WARNING if expected else logging.ERROR
            logger.log(
                level, "%s failed; trying again in %.1f s: %s", key, delay, error, exc_info=not expected
            )
            return delay
        self._failures.pop(key, None)
        return again

    def _rest(self, key: Key) -> float:
        """For how many seconds longer somebody has asked not to be asked again about the key."""
        until = self._not_before.get(key)
        if until is None:
            return 0.0
        rest = until - asyncio.get_running_loop().time()
        if rest <= 0:
            del self._not_before[key]
        return rest

    def _drop_timer(self, key: Key) -> None:
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
