"""Work that goes on whatever happens to it: what one pod or one answer says must not end it for all."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from neuron_operator.world import metrics

logger = logging.getLogger(__name__)

_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0
# Work that has gone well for so long starts with the shortest pause again.
_WELL_SECONDS = 300.0


async def supervise(name: str, work: Callable[[], Awaitable[None]]) -> None:
    """Do the work until cancelled; what ends it is told, counted and followed by a growing pause."""
    loop = asyncio.get_running_loop()
    pause = _FIRST_PAUSE_SECONDS
    while True:
        begun = loop.time()
        try:
            await work()
            logger.error("%s has ended; it begins again in %.0f s", name, pause)
        except Exception:
            logger.exception("%s has failed; it begins again in %.0f s", name, pause)
        metrics.TASK_FAILURES.labels(task=name).inc()
        if loop.time() - begun >= _WELL_SECONDS:
            pause = _FIRST_PAUSE_SECONDS
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
