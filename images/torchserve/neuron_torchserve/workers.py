"""TorchServe's workers as what computes tensors: one body in the safetensors format, over the loopback."""

import json
from collections.abc import Mapping

from neuron_serving.front.upstream import Upstream
from neuron_serving.tensors import Array

from neuron_torchserve import wire


class Workers(Upstream):
    """The workers of the model `name` of a TorchServe at a URL."""

    def __init__(self, name: str, url: str) -> None:
        super().__init__(url)
        self._path = f"/predictions/{name}"

    async def compute(self, tensors: Mapping[str, Array], request_id: str) -> dict[str, Array]:
        """The outputs of one call. Raises RefusedError, or Refusal where the model failed."""
        headers = {"Content-Type": wire.CONTENT_TYPE}
        content, _ = await self.ask(self._path, wire.encode(tensors), headers, _sentence)
        return wire.decode(content)

    async def ready(self) -> bool:
        """Whether TorchServe has all its workers."""
        return await self.says("/ping", lambda _, content: json.loads(content)["status"] == "Healthy")

    async def alive(self) -> bool:
        """Always: TorchServe replaces its workers by itself, and the container ends with it."""
        return True


def _sentence(content: bytes) -> str:
    said = json.loads(content)
    return str(said.get("error") or said.get("message"))
