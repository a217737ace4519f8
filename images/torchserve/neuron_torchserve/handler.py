"""The handler in the archive: one artifact's engine in each of TorchServe's workers.

It answers tensors (see wire.py), which the front sends.

Source: pytorch/serve, docs/custom_service.md.
"""

import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from neuron_artifact import Manifest, read_manifest
from neuron_serving import cores
from neuron_serving.counting import CountingEngine
from neuron_serving.gate import PACKAGE_OF_FAMILY
from neuron_serving.loading import load
from neuron_serving.tensors import Array, RefusedError
from safetensors import SafetensorError

from neuron_torchserve import wire
from neuron_torchserve.counters import Counters

# Where the workers say which cores they have taken.
CORES = Path("/tmp/torchserve/cores")
_BAD_REQUEST, _FAILED = 400, 500


class Handler:
    """What a worker does; TorchServe calls `initialize` once, and `handle` for every batch."""

    engine: CountingEngine
    counters: Counters

    def initialize(self, context: Any) -> None:
        """Load the artifact that model-config.yaml names. Raises what loading raises."""
        said = context.model_yaml_config["handler"]
        directory = Path(said["artifact"])
        manifest = read_manifest(directory)
        claim = _claim(int(said["cores"]), manifest) if manifest.family in PACKAGE_OF_FAMILY else {}
        started = time.monotonic()
        self.engine = CountingEngine(load(directory, manifest, claim, int(said["threads"])))
        self.counters = Counters(said["model"], manifest, time.monotonic() - started)

    def handle(self, data: Sequence[Mapping[str, Any]], context: Any) -> list[bytes]:
        """Answer a batch of requests in their order; one that is refused has a status of its own."""
        asked: list[Mapping[str, Array]] = []
        answers: list[bytes | None] = []
        for index, request in enumerate(data):
            answers.append(None)
            try:
                asked.append(_tensors(request.get("body", request.get("data"))))
            except RefusedError as refused:
                answers[index] = _error(context, index, _BAD_REQUEST, refused)
        computed, counts = self.engine.run(asked)
        self.counters.add(counts)
        results = iter(computed)
        return [
            _answer(next(results), context, index) if answer is None else answer
            for index, answer in enumerate(answers)
        ]


def _claim(given: int, manifest: Manifest) -> dict[str, str]:
    """The environment in which this worker sees its own NeuronCores alone. Raises ServingError.

    TorchServe does not number its workers, and all of them inherit the container's NEURON_RT_VISIBLE_CORES:
    each takes cores that no other one has, and one that is started again those of the one that died.
    """
    parts = cores.groups(given, cores.pipeline(manifest), os.environ.get("NEURON_RT_VISIBLE_CORES"))
    return cores.environment(cores.take(CORES, parts))


def _tensors(body: Any) -> dict[str, Array]:
    # TorchServe has decoded what was sent as text, and as JSON.
    if not isinstance(body, (bytes, bytearray, memoryview)):
        raise RefusedError("The body is not in the safetensors format: the front alone asks here.")
    try:
        return wire.decode(bytes(body))
    except SafetensorError as error:
        raise RefusedError("The body is not in the safetensors format: the front alone asks here.") from error


def _answer(result: dict[str, Array] | Exception, context: Any, index: int) -> bytes:
    if isinstance(result, Exception):
        code = _BAD_REQUEST if isinstance(result, RefusedError) else _FAILED
        return _error(context, index, code, result)
    context.set_response_content_type(index, wire.CONTENT_TYPE)
    return wire.encode(result)


def _error(context: Any, index: int, code: int, error: Exception) -> bytes:
    context.set_response_status(code, "Refused" if code == _BAD_REQUEST else "Failed", index)
    context.set_response_content_type(index, "application/json")
    return json.dumps({"error": str(error) or type(error).__name__}).encode()
