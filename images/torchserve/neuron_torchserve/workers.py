"""TorchServe's workers as what computes tensors: one body in the safetensors format, over the loopback."""

import json
import time
from collections.abc import Mapping
from types import TracebackType

import aiohttp
from neuron_serving.front.refusal import BAD_REQUEST, FAILED, UNAVAILABLE, Refusal
from neuron_serving.front.timing import TimedOut
from neuron_serving.tensors import Array, RefusedError

from neuron_torchserve import wire

_SECONDS = 600
_PROBE_SECONDS = 4
# Fewer than TorchServe's queue holds; more wait here.
_CALLS = 64
# What was last heard of its health counts for so long.
_FRESH_SECONDS = 0.5


class Workers:
    """The workers of the model `name` of a TorchServe at a URL."""

    def __init__(self, name: str, url: str) -> None:
        self._name, self._url = name, url
        self._heard, self._healthy = -1.0, False

    async def __aenter__(self) -> "Workers":
        connector = aiohttp.TCPConnector(limit=_CALLS, keepalive_timeout=_SECONDS)
        # The pod has no proxy between this process and TorchServe.
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

    async def compute(self, tensors: Mapping[str, Array], request_id: str) -> dict[str, Array]:
        """The outputs of one call. Raises RefusedError, or Refusal where the model failed."""
        url = f"{self._url}/predictions/{self._name}"
        headers = {"Content-Type": wire.CONTENT_TYPE}
        try:
            async with self._session.post(url, data=wire.encode(tensors), headers=headers) as answer:
                content = await answer.read()
        except (aiohttp.ClientError, TimedOut, OSError) as error:
            raise Refusal(UNAVAILABLE, "The server is not there yet, or no longer.") from error
        if answer.status == 200:
            return wire.decode(content)
        raise _failure(answer.status, content)

    async def ready(self) -> bool:
        """Whether TorchServe has all its workers."""
        if time.monotonic() - self._heard >= _FRESH_SECONDS:
            self._healthy = await self._is_healthy()
            self._heard = time.monotonic()
        return self._healthy

    async def alive(self) -> bool:
        """Always: TorchServe replaces its workers by itself, and the container ends with it."""
        return True

    async def _is_healthy(self) -> bool:
        try:
            async with self._probes.get(f"{self._url}/ping") as answer:
                return bool(json.loads(await answer.read())["status"] == "Healthy")
        except (aiohttp.ClientError, TimedOut, OSError, ValueError, LookupError, TypeError):
            return False


def _failure(status: int, content: bytes) -> Exception:
    try:
        said = json.loads(content)
        sentence = str(said.get("error") or said.get("message"))
    except (ValueError, AttributeError):
        sentence = content.decode("utf-8", "replace")
    if status == BAD_REQUEST:
        return RefusedError(sentence)
    if status == UNAVAILABLE:
        return Refusal(UNAVAILABLE, "The server has as many requests as it can take: ask again later.")
    return Refusal(FAILED, sentence)
