"""What clients have a limited time for."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from neuron_serving.front.refusal import TIMED_OUT, Refusal

T = TypeVar("T")
# Before Python 3.11, which AWS's container for inf1 has not, it is a class of its own.
TimedOut = asyncio.TimeoutError


async def in_time(arriving: Awaitable[T], seconds: float) -> T:
    """Return what arrives. Raises Refusal (408) where it takes longer."""
    try:
        return await asyncio.wait_for(arriving, seconds)
    except TimedOut as error:
        raise Refusal(TIMED_OUT, "The request did not arrive in time.") from error
