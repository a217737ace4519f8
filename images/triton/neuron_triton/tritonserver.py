"""tritonserver as what computes tensors, asked over HTTP with binary tensors on the loopback address.

Source: the Open Inference Protocol, binary tensor data extension.
"""

import json
import time
from collections.abc import Mapping
from types import TracebackType

import aiohttp
from neuron_artifact import Manifest
from neuron_serving.front.datatypes import from_raw, to_raw
from neuron_serving.front.refusal import BAD_REQUEST, FAILED, UNAVAILABLE, Refusal
from neuron_serving.front.timing import TimedOut
from neuron_serving.signature import NUMPY
from neuron_serving.tensors import Array, RefusedError

_HEAD = "Inference-Header-Content-Length"
_SECONDS = 600
_PROBE_SECONDS = 4
# So many calls are at tritonserver at once; more wait here.
_CALLS = 64
# What was last heard of its health counts for so long.
_FRESH_SECONDS = 0.5
_DATATYPES = {kind: name for name, kind in NUMPY.items()}


class Tritonserver:
    """The tensor model `name` of a tritonserver at host:port."""

    def __init__(self, name: str, manifest: Manifest, address: str) -> None:
        self._name, self._url = name, f"http://{address}"
        self._types = {tensor.name: tensor.dtype for tensor in manifest.outputs}
        self._health: dict[str, tuple[float, bool]] = {}

    async def __aenter__(self) -> "Tritonserver":
        connector = aiohttp.TCPConnector(limit=_CALLS, keepalive_timeout=_SECONDS)
        # The pod has no proxy between this process and tritonserver.
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
        body, head = self._request(tensors)
        url = f"{self._url}/v2/models/{self._name}/infer"
        try:
            async with self._session.post(url, data=body, headers={_HEAD: str(head)}) as answer:
                content = await answer.read()
        except (aiohttp.ClientError, TimedOut, OSError) as error:
            raise Refusal(UNAVAILABLE, "The server is not there yet, or no longer.") from error
        if answer.status != 200:
            raise _failure(answer.status, content)
        return self._outputs(content, int(answer.headers[_HEAD]))

    async def ready(self) -> bool:
        """Whether it is, with all its models."""
        return await self._is("/v2/health/ready")

    async def alive(self) -> bool:
        """Whether it answers at all."""
        return await self._is("/v2/health/live")

    async def _is(self, path: str) -> bool:
        heard, result = self._health.get(path, (-1.0, False))
        if time.monotonic() - heard < _FRESH_SECONDS:
            return result
        try:
            async with self._probes.get(self._url + path) as answer:
                result = answer.status == 200
        except (aiohttp.ClientError, TimedOut, OSError):
            result = False
        self._health[path] = (time.monotonic(), result)
        return result

    def _request(self, tensors: Mapping[str, Array]) -> tuple[bytes, int]:
        raw = {name: to_raw(array) for name, array in tensors.items()}
        inputs = [
            {
                "name": name,
                "shape": array.shape,
                "datatype": _DATATYPES[array.dtype.type],
                "parameters": {"binary_data_size": len(raw[name])},
            }
            for name, array in tensors.items()
        ]
        head = json.dumps({"inputs": inputs, "parameters": {"binary_data_output": True}}).encode()
        return b"".join((head, *raw.values())), len(head)

    def _outputs(self, content: bytes, head: int) -> dict[str, Array]:
        found, view = {}, memoryview(content)[head:]
        for output in json.loads(content[:head])["outputs"]:
            size = output["parameters"]["binary_data_size"]
            name = output["name"]
            found[name] = from_raw(name, self._types[name], tuple(output["shape"]), view[:size])
            view = view[size:]
        return found


def _failure(status: int, content: bytes) -> Exception:
    try:
        sentence = str(json.loads(content)["error"])
    except (ValueError, LookupError, TypeError):
        sentence = content.decode("utf-8", "replace")
    if status == BAD_REQUEST:
        return RefusedError(sentence)
    if status == UNAVAILABLE:
        return Refusal(UNAVAILABLE, "The server has as many requests as it can take: ask again later.")
    return Refusal(FAILED, sentence)
