"""One question asked in every way that tritonclient and plain HTTP have; all answers must be the same."""

import asyncio
import json
import queue
import urllib.request
from collections.abc import Iterator
from typing import Any

import numpy as np
import tritonclient.grpc
import tritonclient.grpc.aio
import tritonclient.http
import tritonclient.http.aio
from tritonclient.utils import InferenceServerException

from toolbox.ask import Array, largest_difference
from toolbox.report import table

QUESTION = {"input_ids": np.array([[5, 6, 7]], dtype=np.int64), "attention_mask": np.ones((1, 3), np.int64)}
REQUEST_ID = "asked-once"


def check(url: str, grpc: str, model: str) -> list[str]:
    """Ask in every way, and try to make the server read this machine's memory; return what is wrong."""
    answers = dict(_answers(url, grpc, model))
    rows, failures = [], []
    (right, _), *_ = answers.values()
    for way, (answer, said_id) in answers.items():
        off = largest_difference(right, answer)
        rows.append((way, str(answer.shape), f"{off:.1e}", said_id))
        if off > 1e-5:
            failures.append(f"{way} has another answer, off by {off:.1e}")
        if said_id != REQUEST_ID:
            failures.append(f"{way} came back with the id {said_id!r}")
    print(table(("way", "shape", "off by", "id"), rows))
    return failures + [f"shared memory over {door} was accepted" for door in _memory(url, grpc)]


def _answers(url: str, grpc: str, model: str) -> Iterator[tuple[str, tuple[Array, str]]]:
    with tritonclient.http.InferenceServerClient(url) as client:
        inputs = _inputs(tritonclient.http)
        yield "HTTP", _of_http(client.infer(model, inputs, request_id=REQUEST_ID))
        yield "HTTP async", _of_http(client.async_infer(model, inputs, request_id=REQUEST_ID).get_result())
    with tritonclient.grpc.InferenceServerClient(grpc) as calling:
        inputs = _inputs(tritonclient.grpc)
        yield "gRPC", _of_grpc(calling.infer(model, inputs, request_id=REQUEST_ID))
        done: queue.Queue[tuple[Any, Any]] = queue.Queue()
        calling.async_infer(
            model, inputs, lambda result, error: done.put((result, error)), request_id=REQUEST_ID
        )
        result, failure = done.get(timeout=60)
        if failure is not None:
            raise failure
        yield "gRPC async", _of_grpc(result)
    for way, library, address, read in (
        ("HTTP aio", tritonclient.http, url, _of_http),
        ("gRPC aio", tritonclient.grpc, grpc, _of_grpc),
    ):
        yield way, read(asyncio.run(_aio(library, address, model)))
    yield "plain JSON", _plain(url, model)


def _inputs(library: Any) -> list[Any]:
    inputs = []
    for name, tensor in QUESTION.items():
        inputs.append(library.InferInput(name, list(tensor.shape), "INT64"))
        inputs[-1].set_data_from_numpy(tensor)
    return inputs


async def _aio(library: Any, address: str, model: str) -> Any:
    async with library.aio.InferenceServerClient(address) as client:
        return await client.infer(model, _inputs(library), request_id=REQUEST_ID)


def _of_http(result: Any) -> tuple[Array, str]:
    response = result.get_response()
    return result.as_numpy(response["outputs"][0]["name"]), str(response.get("id"))


def _of_grpc(result: Any) -> tuple[Array, str]:
    response = result.get_response()
    return result.as_numpy(response.outputs[0].name), str(response.id)


def _plain(url: str, model: str) -> tuple[Array, str]:
    inputs = [
        {"name": name, "shape": list(tensor.shape), "datatype": "INT64", "data": tensor.reshape(-1).tolist()}
        for name, tensor in QUESTION.items()
    ]
    body = json.dumps({"id": REQUEST_ID, "inputs": inputs}).encode()
    request = urllib.request.Request(f"http://{url}/v2/models/{model}/infer", body)
    with urllib.request.urlopen(request, timeout=60) as answer:
        content = json.load(answer)
    (output,) = content["outputs"]
    return np.array(output["data"], np.float32).reshape(output["shape"]), str(content.get("id"))


def _memory(url: str, grpc: str) -> Iterator[str]:
    """The protocols over which a region of shared memory can be registered."""
    with tritonclient.http.InferenceServerClient(url) as client:
        if _accepts(client):
            yield "HTTP"
    with tritonclient.grpc.InferenceServerClient(grpc) as calling:
        if _accepts(calling):
            yield "gRPC"


def _accepts(client: Any) -> bool:
    try:
        client.register_system_shared_memory("region", "/region", 64)
    except InferenceServerException:
        return False
    return True
