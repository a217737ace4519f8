"""The door that Triton's Python backend runs: it calls the tensor model inside the server.

Source: triton-inference-server/python_backend, README, "Business Logic Scripting".
"""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import triton_python_backend_utils as pb_utils
from neuron_artifact import read_manifest
from neuron_serving.doors.door import Door
from neuron_serving.doors.opening import open_door
from neuron_serving.tensors import Array, RefusedError

from neuron_triton.sentinel import Sentinel


class TritonPythonModel:
    """Answers texts or pictures; every tensor is [batch, ...]."""

    door: Door
    model: str
    results: list[str]
    sentinel: Sentinel

    def initialize(self, args: dict[str, str]) -> None:
        """Open the door of the artifact that config.pbtxt's parameters name."""
        self.sentinel = Sentinel()
        parameters = json.loads(args["model_config"])["parameters"]
        directory = Path(parameters["artifact"]["string_value"])
        manifest = read_manifest(directory)
        self.door = open_door(directory, manifest)
        self.model = parameters["model"]["string_value"]
        self.results = [output.name for output in manifest.outputs]

    def finalize(self) -> None:
        """The server is unloading the model."""
        self.sentinel.dismiss()

    async def execute(self, requests: list[Any]) -> list[Any]:
        """Answer the requests; what they need of the tensor model is computed together there."""
        return list(await asyncio.gather(*(self._respond(request) for request in requests)))

    async def _respond(self, request: Any) -> Any:
        try:
            answer = await self._answer(request)
        except RefusedError as refused:
            return _error(str(refused), pb_utils.TritonError.INVALID_ARG)
        except _FailedError as failed:
            return _error(str(failed), failed.code)
        # Whatever else happens belongs to this request; the process goes on serving others.
        except Exception as error:
            return _error(f"{type(error).__name__}: {error}", pb_utils.TritonError.INTERNAL)
        wanted = request.requested_output_names()
        return pb_utils.InferenceResponse(
            [pb_utils.Tensor(name, array) for name, array in answer.items() if name in wanted]
        )

    async def _answer(self, request: Any) -> dict[str, Array]:
        given = {tensor.name(): tensor.as_numpy() for tensor in request.inputs()}
        parameters = json.loads(request.parameters() or "{}")
        question = self.door.ask(given, parameters.get("truncation") is True, parameters)
        results = await asyncio.gather(
            *(self._compute(part.tensors, request.request_id()) for part in question.parts)
        )
        return self.door.answer(question, results)

    async def _compute(self, tensors: Mapping[str, Array], request_id: str) -> dict[str, Array]:
        asked = pb_utils.InferenceRequest(
            model_name=self.model,
            request_id=request_id,
            requested_output_names=self.results,
            inputs=[pb_utils.Tensor(name, array) for name, array in tensors.items()],
            preferred_memory=pb_utils.PreferredMemory(pb_utils.TRITONSERVER_MEMORY_CPU),
        )
        response = await asked.async_exec()
        if response.has_error():
            raise _FailedError(response.error())
        return {tensor.name(): tensor.as_numpy() for tensor in response.output_tensors()}


class _FailedError(Exception):
    """The tensor model's error."""

    def __init__(self, error: Any) -> None:
        super().__init__(error.message())
        self.code = error.code()


def _error(text: str, code: Any) -> Any:
    return pb_utils.InferenceResponse(error=pb_utils.TritonError(text, code))
