"""A runtime's own server, on the loopback address, which the front asks over HTTP."""

import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TypeVar

import aiohttp

from neuron_serving.front.refusal import BAD_REQUEST, FAILED, UNAVAILABLE, Refusal
from neuron_serving.front.timing import TimedOut
from neuron_serving.tensors import RefusedError

_SECONDS = 600
_PROBE_SECONDS = 4
# So many calls are at the server at once, fewer than its queue holds; more wait here.
_CALLS = 64
# What was last heard of its health counts for so long.
_FRESH_SECONDS = 0.5

Own = TypeVar("Own", bound="Upstream")


class Upstream:
    """The server at a URL; its connections are open within `async with`."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._heard: dict[str, tuple[float, bool]] = {}

    async def __aenter__(self: Own) -> Own:
        connector = aiohttp.TCPConnector(limit=_CALLS, keepalive_timeout=_SECONDS)
        # The pod has no proxy between this process and the server.
        self._session = aiohttp.ClientSession(
            connector=connector, timeout=aiohttp.ClientTimeout(total=_SECONDS), trust_env=False
        )
        self._probes = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_PROBE_SECONDS))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()
        await self._probes.close()

    async def ask(
        self, path: str, body: bytes, headers: Mapping[str, str], sentence: Callable[[bytes], str]
    ) -> tuple[bytes, Mapping[str, str]]:
        """The body and headers of an answer. Raises RefusedError, or Refusal where the server failed.

        `sentence` reads what the server says of a failure.
        """
        try:
            async with self._session.post(self._url + path, data=body, headers=headers) as answer:
                content = await answer.read()
        except (aiohttp.ClientError, TimedOut, OSError) as error:
            raise Refusal(UNAVAILABLE, "The server is not there yet, or no longer.") from error
        if answer.status == BAD_REQUEST:
            raise RefusedError(_said(content, sentence))
        if answer.status == UNAVAILABLE:
            raise Refusal(UNAVAILABLE, "The server has as many requests as it can take: ask again later.")
        if answer.status != 200:
            raise Refusal(FAILED, _said(content, sentence))
        return content, answer.headers

    async def says(self, path: str, is_well: Callable[[int, bytes], bool]) -> bool:
        """Whether what the server says there means that it is well; not asked again within moments."""
        heard, result = self._heard.get(path, (-1.0, False))
        if time.monotonic() - heard >= _FRESH_SECONDS:
            result = await self._hears(path, is_well)
            self._heard[path] = (time.monotonic(), result)
        return result

    async def _hears(self, path: str, is_well: Callable[[int, bytes], bool]) -> bool:
        try:
            async with self._probes.get(self._url + path) as answer:
                return is_well(answer.status, await answer.read())
        except (aiohttp.ClientError, TimedOut, OSError, ValueError, LookupError, TypeError):
            return False


def _said(content: bytes, sentence: Callable[[bytes], str]) -> str:
    try:
        return sentence(content)
    except (ValueError, LookupError, TypeError, AttributeError):
        return content.decode("utf-8", "replace")
