"""Requests sent as bytes, past the checks of any client library, and what their answers must be."""

import http.client
import json
from collections.abc import Iterator
from typing import Any

import grpc
import numpy as np
import tritonclient.grpc
from google.protobuf.message import DecodeError
from tritonclient.grpc import service_pb2

from toolbox.ask import V2_DTYPES, Array
from toolbox.hostile import REFUSALS
from toolbox.load.bodies import binary
from toolbox.soak.mutants import HEADER_LENGTH, Mutant, Originals

METHOD = "/inference.GRPCInferenceService/ModelInfer"
SECONDS = 120
NASTY_SHAPES: tuple[list[int], ...] = ([], [0, 4], [-1, 4], [2**31, 4], [2**62, 4], [2**32, 2**32])
# What the library of gRPC itself says of bytes that are no ModelInferRequest: it cancels the call. If it is
# just then ending the connection for its age, the refusal is lost with it, and the client has to ask again.
UNDECODABLE = {"StatusCode.INTERNAL", "StatusCode.INVALID_ARGUMENT", "StatusCode.UNKNOWN"}


def originals(model: str, tensors: dict[str, Array]) -> Originals:
    """Return a valid request for input tensors [batch, ...] by name in each form."""
    plain = {
        "inputs": [{**_declared(name, tensor), "data": _data(tensor)} for name, tensor in tensors.items()]
    }
    body = binary(tensors)
    length = int(body.headers[HEADER_LENGTH])
    header = json.loads(body.content[:length])
    # Answers as JSON, so that they can be read whatever was changed.
    del header["parameters"]
    return Originals(plain, header, body.content[length:], tuple(_messages(model, tensors)))


def _messages(model: str, tensors: dict[str, Array]) -> Iterator[bytes]:
    """The request with raw contents, with typed ones, and both with shapes that do not fit the contents."""
    for shape in (None, *NASTY_SHAPES):
        raw = service_pb2.ModelInferRequest(model_name=model)
        typed = service_pb2.ModelInferRequest(model_name=model)
        for name, tensor in tensors.items():
            one = tritonclient.grpc.InferInput(name, list(tensor.shape), V2_DTYPES[tensor.dtype.name])
            one.set_data_from_numpy(tensor)
            raw.inputs.append(one._get_tensor())
            raw.raw_input_contents.append(one._get_content())
            typed.inputs.append(one._get_tensor())
            contents = typed.inputs[-1].contents
            field = contents.bytes_contents if tensor.dtype == np.object_ else contents.int64_contents
            field.extend(tensor.reshape(-1).tolist())
        if shape is not None:
            for message in (raw, typed):
                message.inputs[0].shape[:] = shape
        yield raw.SerializeToString()
        yield typed.SerializeToString()


def _declared(name: str, tensor: Array) -> dict[str, Any]:
    return {"name": name, "shape": list(tensor.shape), "datatype": V2_DTYPES[tensor.dtype.name]}


def _data(tensor: Array) -> list[Any]:
    return [each.decode() if isinstance(each, bytes) else each for each in tensor.reshape(-1).tolist()]


class Wire:
    """Sends mutants to a server; url and grpc are host:port."""

    def __init__(self, url: str, address: str) -> None:
        self._url = url
        self._call = grpc.insecure_channel(address).unary_unary(METHOD)

    def failure(self, model: str, mutant: Mutant) -> str:
        """Send it, and say what is wrong with the answer; an empty string where it is as it should be.

        It should be a refusal, or vectors of length 1, as all of MiniLM's are.
        """
        try:
            said = self._grpc(mutant) if mutant.protocol == "gRPC" else self._http(model, mutant)
        except (OSError, http.client.HTTPException) as failure:
            said = f"no answer: {failure!r}"
        sent = f"{mutant.headers} {mutant.content[:400]!r}"
        return f"a mutant over {mutant.protocol}: {said}; it was {sent}" if said else ""

    def _http(self, model: str, mutant: Mutant) -> str:
        connection = http.client.HTTPConnection(self._url, timeout=SECONDS)
        try:
            connection.request("POST", f"/v2/models/{model}/infer", mutant.content, mutant.headers)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if 400 <= answer.status < 500:
            return ""
        if answer.status != 200:
            return f"{answer.status} {content[:300]!r}"
        try:
            outputs = json.loads(content)["outputs"]
            vectors = [np.array(each["data"], np.float64).reshape(each["shape"]) for each in outputs]
        except (ValueError, KeyError, TypeError) as failure:
            return f"an answer that cannot be read: {failure!r} {content[:200]!r}"
        return unlike_vectors(vectors)

    def _grpc(self, mutant: Mutant, *, again: bool = True) -> str:
        try:
            content = self._call(mutant.content, timeout=SECONDS)
        except grpc.RpcError as refused:
            status, details = str(refused.code()), str(refused.details())
            if decodable(mutant.content):
                return "" if status in REFUSALS else f"{status} {details}"
            if again and status == "StatusCode.UNAVAILABLE" and "GOAWAY received" in details:
                return self._grpc(mutant, again=False)
            return "" if status in REFUSALS | UNDECODABLE else f"{status} {details}"
        answer = service_pb2.ModelInferResponse.FromString(content)
        # A server answers in the form in which it was asked: raw, or typed.
        raw = [np.frombuffer(each, np.float32) for each in answer.raw_output_contents]
        typed = [np.array(each.contents.fp32_contents, np.float32) for each in answer.outputs]
        given = zip(answer.outputs, raw or typed, strict=True)
        return unlike_vectors([data.reshape(output.shape) for output, data in given])


def decodable(content: bytes) -> bool:
    """Whether the bytes are a ModelInferRequest."""
    try:
        service_pb2.ModelInferRequest.FromString(content)
    except DecodeError:
        return False
    return True


def unlike_vectors(vectors: list[Array]) -> str:
    """Say what is wrong with answers [batch, hidden]; an empty string where every row has length 1."""
    if not vectors:
        return "200 without an output"
    lengths = np.concatenate([np.linalg.norm(each, axis=-1).reshape(-1) for each in vectors])
    return "" if np.all(np.abs(lengths - 1) < 1e-2) else f"200 with vectors of length {lengths[:5].tolist()}"
