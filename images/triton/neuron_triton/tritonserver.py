"""tritonserver as what computes tensors, asked over HTTP with binary tensors on the loopback address.

Source: the Open Inference Protocol, binary tensor data extension.
"""

import json
from collections.abc import Mapping

from neuron_artifact import Manifest
from neuron_serving.front.datatypes import from_raw, to_raw
from neuron_serving.front.upstream import Upstream
from neuron_serving.signature import NUMPY
from neuron_serving.tensors import Array

_HEAD = "Inference-Header-Content-Length"
_DATATYPES = {kind: name for name, kind in NUMPY.items()}


class Tritonserver(Upstream):
    """The tensor model `name` of a tritonserver at host:port."""

    def __init__(self, name: str, manifest: Manifest, address: str) -> None:
        super().__init__(f"http://{address}")
        self._path = f"/v2/models/{name}/infer"
        self._types = {tensor.name: tensor.dtype for tensor in manifest.outputs}

    async def compute(self, tensors: Mapping[str, Array], request_id: str) -> dict[str, Array]:
        """The outputs of one call. Raises RefusedError, or Refusal where the model failed."""
        body, head = _request(tensors)
        content, headers = await self.ask(self._path, body, {_HEAD: str(head)}, _sentence)
        return self._outputs(content, int(headers[_HEAD]))

    async def ready(self) -> bool:
        """Whether it is, with all its models."""
        return await self.says("/v2/health/ready", lambda status, _: status == 200)

    async def alive(self) -> bool:
        """Whether it answers at all."""
        return await self.says("/v2/health/live", lambda status, _: status == 200)

    def _outputs(self, content: bytes, head: int) -> dict[str, Array]:
        found, view = {}, memoryview(content)[head:]
        for output in json.loads(content[:head])["outputs"]:
            size = output["parameters"]["binary_data_size"]
            name = output["name"]
            found[name] = from_raw(name, self._types[name], tuple(output["shape"]), view[:size])
            view = view[size:]
        return found


def _request(tensors: Mapping[str, Array]) -> tuple[bytes, int]:
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


def _sentence(content: bytes) -> str:
    return str(json.loads(content)["error"])
