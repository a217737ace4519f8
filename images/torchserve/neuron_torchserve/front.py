"""The Open Inference Protocol in front of TorchServe, REST and gRPC: kserve's server with two models of ours.

Source: kserve/kserve, python/kserve (ModelServer, Model, InferRequest).
"""

import asyncio
import json
import logging
import uuid
from collections.abc import Mapping
from typing import Any

import httpx
import numpy as np
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from kserve import InferInput, InferOutput, InferRequest, InferResponse, Model, ModelRepository, ModelServer
from kserve.errors import InferenceError, InvalidInput, ModelNotFound
from kserve.model_server import app
from kserve.protocol.dataplane import DataPlane
from neuron_artifact import Manifest
from neuron_serving.doors.door import Door
from neuron_serving.tensors import Array, RefusedError

from neuron_torchserve import binary, requestlog, wire
from neuron_torchserve.bounds import Bounded

_BAD_REQUEST, _OK = 400, 200
_JSON_BYTES = "inference-header-content-length"


class TensorModel(Model):  # type: ignore[misc]  # kserve is only in the image
    """`<name>`: tensors, sent on to TorchServe."""

    def __init__(self, name: str, manifest: Manifest, client: httpx.AsyncClient) -> None:
        super().__init__(name)
        self._manifest = manifest
        self._client = client

    async def healthy(self) -> bool:
        """Whether TorchServe has all its workers."""
        try:
            answer = await self._client.get("/ping", timeout=5)
            return bool(answer.json()["status"] == "Healthy")
        except (httpx.HTTPError, ValueError, LookupError):
            return False

    async def get_input_types(self) -> list[dict[str, Any]]:
        """For the model's metadata."""
        return [_metadata(each.name, each.dtype, each.dims) for each in self._manifest.inputs]

    async def get_output_types(self) -> list[dict[str, Any]]:
        """For the model's metadata."""
        return [_metadata(each.name, each.dtype, each.dims) for each in self._manifest.outputs]

    async def predict(self, payload: Any, headers: Any = None, response_headers: Any = None) -> InferResponse:
        """Answer a request of tensors. Raises InvalidInput for what the model cannot take."""
        request = _v2(payload)
        tensors = _arrays(request)
        for name, tensor in tensors.items():
            # What sends the tensors on knows numbers only.
            if tensor.dtype == np.object_:
                raise InvalidInput(f"{name} is of type BYTES: this model takes numbers.")
        outputs = await self.compute(tensors)
        types = {each.name: each.dtype for each in self._manifest.outputs}
        return _response(request, self.name, outputs, types)

    async def compute(self, tensors: Mapping[str, Array]) -> dict[str, Array]:
        """The outputs of one call of the model. Raises InvalidInput or InferenceError."""
        answer = await self._client.post(
            f"/predictions/{self.name}",
            content=wire.encode(tensors),
            headers={"Content-Type": wire.CONTENT_TYPE},
        )
        if answer.status_code == _OK:
            return wire.decode(answer.content)
        raise _failure(answer)


class DoorModel(Model):  # type: ignore[misc]  # kserve is only in the image
    """`<name>-text` or `<name>-image`: made ready here, computed by TorchServe."""

    def __init__(self, door: Door, model: TensorModel) -> None:
        super().__init__(f"{model.name}-{door.face.kind}")
        self._door = door
        self._model = model

    async def healthy(self) -> bool:
        """Whether the tensor model is."""
        return await self._model.healthy()

    async def get_input_types(self) -> list[dict[str, Any]]:
        """For the model's metadata."""
        return [_metadata(each.name, each.dtype, each.dims) for each in self._door.face.inputs]

    async def get_output_types(self) -> list[dict[str, Any]]:
        """For the model's metadata."""
        return [_metadata(each.name, each.dtype, each.dims) for each in self._door.face.outputs]

    async def predict(self, payload: Any, headers: Any = None, response_headers: Any = None) -> InferResponse:
        """Answer a request of texts or pictures. Raises InvalidInput for what the model cannot take."""
        request = _v2(payload)
        parameters = request.parameters or {}
        try:
            question = await asyncio.to_thread(
                self._door.ask, _arrays(request), parameters.get("truncation") is True, parameters
            )
        except RefusedError as refused:
            raise InvalidInput(str(refused)) from refused
        results = await asyncio.gather(*(self._model.compute(part.tensors) for part in question.parts))
        types = {each.name: each.dtype for each in self._door.face.outputs}
        return _response(request, self.name, self._door.answer(question, results), types)


class FixedModels(ModelRepository):  # type: ignore[misc]  # kserve is only in the image
    """The models of this pod: a client can neither load nor unload one."""

    closing = False

    async def load(self, name: str) -> bool:
        """Refused."""
        raise InvalidInput(f"{name} is served by its NeuronModel alone: it can't be loaded by a request.")

    def unload(self, name: str) -> None:
        """Refused; the server's own call when it ends does nothing: requests in flight need the models."""
        if self.closing:
            return
        raise InvalidInput(f"{name} is served by its NeuronModel alone: it can't be unloaded by a request.")


class Requests(DataPlane):  # type: ignore[misc]  # kserve is only in the image
    """kserve's decoding of requests, where whatever goes wrong is the client's error."""

    def decode_inference_request(self, body: Any, headers: Any, model_name: str) -> InferRequest:
        """The request. Raises InvalidInput."""
        try:
            if isinstance(body, bytes):
                # Without the header all of it is JSON, whose type the client did not tell, as `curl -d`.
                return binary.decode(body, int(headers.get(_JSON_BYTES, len(body))), model_name)
            return super().decode_inference_request(body, headers, model_name)
        except InvalidInput:
            raise
        # Errors of many kinds tell of bytes that do not agree with the JSON before them.
        except Exception as error:
            what = str(error) or type(error).__name__
            raise InvalidInput(f"The request can't be read: {what}.") from error


class Server(ModelServer):  # type: ignore[misc]  # kserve is only in the image
    """kserve's server over FixedModels."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.dataplane = Requests(model_registry=self.registered_models)

    def stop(self, sig: int) -> None:
        """Finish what is in flight, and end."""
        self.registered_models.closing = True
        super().stop(sig)


def quiet() -> None:
    """Leave out the lines that libraries write for each request, and the tracebacks of refused ones."""
    for name in ("httpx", "uvicorn.access", "kserve", "kserve.trace"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("kserve").addFilter(_is_no_refusal)


def _is_no_refusal(record: logging.LogRecord) -> bool:
    return not (record.exc_info and isinstance(record.exc_info[1], (InvalidInput, ModelNotFound)))


def complete(client: httpx.AsyncClient, *, request_log: bool) -> None:
    """Add to kserve's server the bounds of requests, TorchServe's own /predictions/<name> and /ping, errors
    in the form of V2 for bodies that are no requests, and with request_log a line of each inference.
    """
    app.add_middleware(Bounded)
    if request_log:
        # The last one is the outermost.
        app.add_middleware(requestlog.Logged)

    async def malformed(request: Request, error: Exception) -> JSONResponse:
        return JSONResponse(
            {"error": "The body is no request of the Open Inference Protocol (V2)."}, _BAD_REQUEST
        )

    app.add_exception_handler(RequestValidationError, malformed)

    async def pass_on(request: Request) -> Response:
        answer = await client.request(
            request.method,
            request.url.path,
            content=await request.body(),
            headers={"Content-Type": request.headers.get("Content-Type", "application/octet-stream")},
        )
        return Response(answer.content, answer.status_code, media_type=answer.headers.get("Content-Type"))

    app.add_api_route("/predictions/{name}", pass_on, methods=["POST", "PUT"])
    app.add_api_route("/ping", pass_on, methods=["GET"])


def _v2(payload: Any) -> InferRequest:
    if not isinstance(payload, InferRequest):
        raise InvalidInput("Send a request of the Open Inference Protocol (V2) to /v2/models/<name>/infer.")
    requestlog.name(payload.id)
    return payload


def _arrays(request: InferRequest) -> dict[str, Array]:
    if not all(isinstance(each.name, str) for each in request.inputs):
        raise InvalidInput("The name of an input must be a text.")
    return {each.name: _array(each) for each in request.inputs}


def _array(tensor: InferInput) -> Array:
    try:
        found: Array = tensor.as_numpy()
    # kserve raises errors of many kinds for contents that do not fit the shape or the datatype.
    except Exception as error:
        raise InvalidInput(f"{tensor.name} has contents that do not fit its shape and datatype.") from error
    if tensor.datatype == "BYTES" and found.dtype.kind != "O":
        return found.astype(np.object_)
    return found


def _response(
    request: InferRequest, name: str, outputs: Mapping[str, Array], types: Mapping[str, str]
) -> InferResponse:
    wanted = {each.name: each for each in request.request_outputs or ()}
    unknown = sorted(set(wanted) - set(outputs))
    if unknown:
        raise InvalidInput(f"The model has no output {unknown[0]}: its outputs are {', '.join(outputs)}.")
    answers = []
    for output, array in outputs.items():
        if wanted and output not in wanted:
            continue
        answer = InferOutput(output, list(array.shape), types[output])
        binary = wanted[output].binary_data if output in wanted else None
        in_binary = request.use_binary_outputs if binary is None else binary
        answer.set_data_from_numpy(array, binary_data=bool(in_binary))
        answers.append(answer)
    return InferResponse(
        request.id or str(uuid.uuid4()),
        name,
        answers,
        use_binary_outputs=request.use_binary_outputs,
        requested_outputs=request.request_outputs,
    )


def _metadata(name: str, dtype: str, dims: tuple[int | str, ...]) -> dict[str, Any]:
    sizes = (-1 if isinstance(dim, str) else dim for dim in dims)
    return {"name": name, "datatype": dtype, "shape": [-1, *sizes]}


def _failure(answer: httpx.Response) -> Exception:
    try:
        text = str(json.loads(answer.content).get("error") or answer.text)
    except (ValueError, AttributeError):
        text = answer.text
    failure: Exception = InvalidInput(text) if answer.status_code == _BAD_REQUEST else InferenceError(text)
    return failure
