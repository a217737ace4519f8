"""The handler in the archive: one artifact's engine in each of TorchServe's workers.

It answers tensors (see wire.py), which the front sends, and what TorchServe's own clients send to
/predictions: the file of a picture, a text, or JSON with `text` and `text_pair`.

Source: pytorch/serve, docs/custom_service.md.
"""

import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from neuron_artifact import Manifest, read_manifest
from neuron_serving import cores
from neuron_serving.counting import CountingEngine
from neuron_serving.doors.door import Door
from neuron_serving.doors.face import IMAGE, kind_of
from neuron_serving.doors.opening import open_door
from neuron_serving.gate import PACKAGE_OF_FAMILY
from neuron_serving.loading import load
from neuron_serving.tensors import Array, RefusedError
from safetensors import SafetensorError

from neuron_torchserve import wire
from neuron_torchserve.asked import Asked
from neuron_torchserve.counters import Counters

# Where the workers say which cores they have taken.
CORES = Path("/tmp/torchserve/cores")
_BAD_REQUEST, _FAILED = 400, 500


class Handler:
    """What a worker does; TorchServe calls `initialize` once, and `handle` for every batch."""

    engine: CountingEngine
    counters: Counters
    door: Door | None

    def initialize(self, context: Any) -> None:
        """Load the artifact that model-config.yaml names. Raises what loading raises."""
        said = context.model_yaml_config["handler"]
        directory = Path(said["artifact"])
        manifest = read_manifest(directory)
        claim = _claim(int(said["cores"]), manifest) if manifest.family in PACKAGE_OF_FAMILY else {}
        started = time.monotonic()
        self.engine = CountingEngine(load(directory, manifest, claim, int(said["threads"])))
        self.counters = Counters(said["model"], manifest, time.monotonic() - started)
        self.door = open_door(directory, manifest) if kind_of(directory, manifest) is not None else None

    def handle(self, data: Sequence[Mapping[str, Any]], context: Any) -> list[bytes]:
        """Answer a batch of requests in their order; one that is refused has a status of its own."""
        asked: list[list[Mapping[str, Array]]] = []
        questions: list[Asked | None] = []
        answers: list[bytes | None] = []
        for index, request in enumerate(data):
            answers.append(None)
            asked.append([])
            questions.append(None)
            try:
                tensors, questions[index] = self._read(request, context, index)
                asked[index] = tensors
            except RefusedError as refused:
                answers[index] = _error(context, index, _BAD_REQUEST, refused)
            # A request that nobody has thought of must not take its batch with it.
            except Exception as error:
                answers[index] = _error(context, index, _FAILED, error)
        computed, counts = self.engine.run([tensors for each in asked for tensors in each])
        self.counters.add(counts)
        results = iter(computed)
        for index, each in enumerate(asked):
            own = [next(results) for _ in each]
            if answers[index] is None:
                answers[index] = self._write(own, questions[index], context, index)
        return [answer or b"" for answer in answers]

    def _read(
        self, request: Mapping[str, Any], context: Any, index: int
    ) -> tuple[list[Mapping[str, Array]], Asked | None]:
        body = request.get("body", request.get("data", request))
        if context.get_request_header(index, "Content-Type") == wire.CONTENT_TYPE:
            return [_tensors(_bytes(body))], None
        if self.door is None:
            raise RefusedError("This model takes tensors only: send them to /v2/models/<name>/infer.")
        columns, many = _columns(body, self.door.face.kind)
        question = self.door.ask(columns, truncation=False)
        return [part.tensors for part in question.parts], Asked(question, many)

    def _write(
        self,
        results: Sequence[dict[str, Array] | Exception],
        asked: Asked | None,
        context: Any,
        index: int,
    ) -> bytes:
        good: list[dict[str, Array]] = []
        for result in results:
            if isinstance(result, Exception):
                code = _BAD_REQUEST if isinstance(result, RefusedError) else _FAILED
                return _error(context, index, code, result)
            good.append(result)
        if asked is None:
            context.set_response_content_type(index, wire.CONTENT_TYPE)
            return wire.encode(good[0])
        assert self.door is not None
        context.set_response_content_type(index, "application/json")
        answer = self.door.answer(asked.question, good)
        count = len(next(iter(answer.values())))
        rows = [_said(answer, self.door.face.labels, row) for row in range(count)]
        return json.dumps(rows if asked.many else rows[0]).encode()


def _claim(given: int, manifest: Manifest) -> dict[str, str]:
    """The environment in which this worker sees its own NeuronCores alone. Raises ServingError.

    TorchServe does not number its workers, and all of them inherit the container's NEURON_RT_VISIBLE_CORES:
    each takes cores that no other one has, and one that is started again those of the one that died.
    """
    parts = cores.groups(given, cores.pipeline(manifest), os.environ.get("NEURON_RT_VISIBLE_CORES"))
    return cores.environment(cores.take(CORES, parts))


def _tensors(body: bytes) -> dict[str, Array]:
    try:
        return wire.decode(body)
    except SafetensorError as error:
        raise RefusedError("The body is not in the safetensors format, which its type promises.") from error


def _columns(body: Any, kind: str) -> tuple[dict[str, Array], bool]:
    """A request to /predictions as the door's BYTES [batch, 1], and whether its rows came as a list.

    Raises RefusedError for what is neither a text nor a list of texts.
    """
    if kind == IMAGE:
        return {"image": _column([_bytes(body)])}, False
    if isinstance(body, list):
        body = {"text": body}
    if not isinstance(body, Mapping):
        return {"text": _column([_bytes(body)])}, False
    given = {str(name): value for name, value in body.items() if name == "text" or value is not None}
    lists = {isinstance(value, list) for value in given.values()}
    if len(lists) > 1:
        raise RefusedError("text and text_pair must both be texts or both be lists of texts.")
    return {name: _column(_texts(name, value)) for name, value in given.items()}, lists == {True}


def _texts(name: str, value: Any) -> list[bytes]:
    rows = value if isinstance(value, list) else [value]
    # TorchServe has decoded a field of a form as bytes.
    if not rows or not all(isinstance(row, (str, bytes, bytearray)) for row in rows):
        raise RefusedError(f"{name[:100]} is neither a text nor a list of texts: send one of them.")
    return [_bytes(row) for row in rows]


def _bytes(body: Any) -> bytes:
    """TorchServe has decoded what was sent as text, and as JSON."""
    if isinstance(body, (bytes, bytearray, memoryview)):
        return bytes(body)
    if isinstance(body, str):
        try:
            return body.encode()
        except UnicodeEncodeError as error:
            raise RefusedError("The text has half a surrogate pair, which is no text: send UTF-8.") from error
    raise RefusedError("The body is neither a file nor a text: send one of them.")


def _column(rows: Sequence[bytes]) -> Array:
    column = np.empty((len(rows), 1), dtype=np.object_)
    column[:, 0] = rows
    return column


def _said(answer: Mapping[str, Array], labels: Sequence[str], row: int) -> Any:
    """Labels with their confidence, the likeliest first, as TorchServe's own classifiers answer; else outputs
    by name.
    """
    if labels and "scores" in answer:
        pairs = zip(labels, answer["scores"][row].tolist(), strict=True)
        return dict(sorted(pairs, key=lambda pair: -pair[1])[:5])
    return {name: _plain(array[row]) for name, array in answer.items()}


def _plain(row: Array) -> Any:
    values = [value.decode() if isinstance(value, bytes) else value for value in row.reshape(-1).tolist()]
    return values[0] if len(values) == 1 else row.tolist()


def _error(context: Any, index: int, code: int, error: Exception) -> bytes:
    context.set_response_status(code, "Refused" if code == _BAD_REQUEST else "Failed", index)
    context.set_response_content_type(index, "application/json")
    return json.dumps({"error": str(error) or type(error).__name__}).encode()
