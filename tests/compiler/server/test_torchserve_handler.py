"""TorchServe's handler over the real artifact of a tiny classifier; its context records what it is told."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compiler import models
from neuron_artifact import Manifest
from neuron_torchserve import handler as module
from neuron_torchserve import wire
from neuron_torchserve.handler import Handler

IDS = np.array([[2, 6, 8, 3]], dtype=np.int64)


class Context:
    """What a worker's handler uses of ts.context.Context, for a batch whose content types are given."""

    def __init__(self, directory: Path, *content_types: str) -> None:
        self.model_yaml_config = {"handler": {"model": "tiny", "artifact": str(directory), "threads": 1}}
        self._asked = content_types
        self.statuses: dict[int, int] = {}
        self.content_types: dict[int, str] = {}

    def get_request_header(self, index: int, name: str) -> str | None:
        return self._asked[index] if name == "Content-Type" else None

    def set_response_status(self, code: int, phrase: str, index: int) -> None:
        self.statuses[index] = code

    def set_response_content_type(self, index: int, value: str) -> None:
        self.content_types[index] = value


@pytest.fixture
def handler() -> Handler:
    return Handler()


@pytest.fixture
def served(
    tmp_path: Path, publish: Callable[..., tuple[Path, Manifest]], handler: Handler
) -> Callable[..., tuple[list[bytes], Context]]:
    """Sends a batch of (content type, body) to the handler of a classifier of texts."""
    directory, _ = publish(models.bert_classifier(tmp_path / "bert"), model__task="text-classification")
    handler.initialize(Context(directory))

    def send(*batch: tuple[str, Any]) -> tuple[list[bytes], Context]:
        context = Context(directory, *(kind for kind, _ in batch))
        return handler.handle([{"body": body} for _, body in batch], context), context

    return send


def tensors(**arrays: Any) -> tuple[str, Any]:
    return wire.CONTENT_TYPE, bytearray(wire.encode(arrays))


def test_tensors_are_answered_in_their_own_form(served: Any) -> None:
    answers, context = served(tensors(input_ids=IDS))
    assert wire.decode(answers[0])["logits"].shape == (1, 2)
    assert context.statuses == {}
    assert context.content_types == {0: wire.CONTENT_TYPE}


def test_what_a_worker_does_is_counted(served: Any, handler: Handler) -> None:
    served(tensors(input_ids=IDS), tensors(input_ids=IDS + 1000), tensors(input_ids=IDS))

    def value(name: str, **labels: str) -> float | None:
        found: float | None = handler.counters.registry.get_sample_value(
            name, {"model": "tiny", "door": "tensor", **labels}
        )
        return found

    assert value("neuron_requests_total") == 3
    assert value("neuron_request_failures_total", **{"class": "invalid"}) == 1
    assert value("neuron_request_failures_total", **{"class": "internal"}) == 0
    assert value("neuron_batch_rows_total") == 2
    assert (value("neuron_compute_seconds_total") or 0) > 0
    assert (value("neuron_load_seconds") or 0) > 0


def test_a_request_that_is_refused_does_not_disturb_its_batch(served: Any) -> None:
    good = tensors(input_ids=IDS)
    (alone,), _ = served(good)
    answers, context = served(
        tensors(input_ids=IDS + 1000),
        good,
        tensors(wrong=IDS),
        ("text/plain", "cat"),
        (wire.CONTENT_TYPE, bytearray(b"nothing of the kind")),
    )
    assert context.statuses == {0: 400, 2: 400, 3: 400, 4: 400}
    said = [json.loads(answers[index])["error"] for index in (0, 2, 3, 4)]
    for sentence, part in zip(
        said, ("outside 0 to", "no input wrong", "safetensors", "safetensors"), strict=True
    ):
        assert part in sentence
    np.testing.assert_allclose(wire.decode(answers[1])["logits"], wire.decode(alone)["logits"], atol=1e-5)


def test_torchserve_finds_one_class_in_the_handler() -> None:
    own = [each for each in vars(module).values() if isinstance(each, type)]
    assert [each for each in own if each.__module__ == module.__name__] == [Handler]
