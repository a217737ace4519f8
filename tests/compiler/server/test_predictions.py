"""What /predictions makes of outputs and of JSON, without a server around it."""

import base64
import json
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from neuron_serving.front import predictions
from neuron_serving.front.messages import Answer, Output
from neuron_serving.front.refusal import Refusal
from neuron_serving.limits import Limits

SCORES = [0.01, 0.4, 0.02, 0.03, 0.3, 0.04, 0.2]
PICTURE = base64.b64encode(b"a picture's file").decode()
JSON = "application/json"


def labels_told(labels: list[str], parameters: Mapping[str, Any]) -> list[tuple[str, float]]:
    scores = np.array([SCORES[: len(labels)]], dtype=np.float32)
    answer = Answer("tiny", "", (Output("scores", "FP32", scores, False),))
    return list(json.loads(predictions.said(answer, labels, False, parameters)).items())


@pytest.mark.parametrize(
    ("parameters", "count"),
    [
        ({}, 5),
        ({"top_k": 1}, 1),
        ({"top_k": 6}, 6),
        ({"top_k": 100}, 7),
        ({"top_k": None}, 7),
        ({"return_all_scores": True}, 7),
        ({"return_all_scores": False}, 5),
    ],
    ids=str,
)
def test_as_many_labels_are_told_as_the_parameters_say(parameters: Mapping[str, Any], count: int) -> None:
    told = labels_told(list("abcdefg"), parameters)
    assert [label for label, _ in told] == list("begfdca")[:count]
    assert [score for _, score in told] == pytest.approx(sorted(SCORES, reverse=True)[:count])


def test_of_labels_of_one_name_the_likeliest_is_told() -> None:
    told = labels_told(["a", "b", "b"], {})
    assert [label for label, _ in told] == ["b", "a"]
    assert [score for _, score in told] == pytest.approx([0.4, 0.01])


def asked(body: object) -> Any:
    model: Any = SimpleNamespace(files=("image",), limits=Limits(10, 10**6, 10**6, 1000, 10**6, 1000))
    return predictions.request(json.dumps(body).encode(), JSON, model)


@pytest.mark.parametrize("name", ["image", "data", "b64"])
def test_a_picture_in_json_keeps_its_parameters(name: str) -> None:
    made, many = asked({name: PICTURE, "parameters": {"top_k": 2}})
    assert (made.inputs["image"].tolist(), many) == ([[b"a picture's file"]], False)
    assert made.parameters == {"top_k": 2}


@pytest.mark.parametrize(
    "body",
    [
        {"image": PICTURE, "top_k": 2},
        {"image": PICTURE, "data": PICTURE},
        {"image": PICTURE, "parameters": [2]},
        {"parameters": {"top_k": 2}},
    ],
    ids=str,
)
def test_what_is_beside_a_picture_in_json_is_not_ignored(body: object) -> None:
    with pytest.raises(Refusal) as refused:
        asked(body)
    assert refused.value.status == 400
