"""Who is next: where several clients wait, each in turn, however much one of them has sent."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """So many at once; those who wait go on client by client. Not for several threads."""

    def __init__(self, at_once: int) -> None:
        self._free = at_once
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @asynccontextmanager
    async def turn(self, source: str) -> AsyncIterator[None]:
        """The client's turn, given on when the block ends."""
        await self._wait(source)
        try:
            yield
        finally:
            self._next()

    async def _wait(self, source: str) -> None:
        if self._free:
            self._free -= 1
            return
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(source, deque()).append(waiting)
        try:
            await waiting
        except asyncio.CancelledError:
            if not waiting.cancelled():
                self._next()  # It had been given its turn, and can't take it.
            raise

    def _next(self) -> None:
        while self._waiting:
            source, queue = self._waiting.popitem(last=False)
            waiting = queue.popleft()
            if queue:
                self._waiting[source] = queue
            if not waiting.done():
                waiting.set_result(None)
                return
        self._free += 1
