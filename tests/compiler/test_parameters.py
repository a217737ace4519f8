"""The parameters that users of transformers' pipelines know, as parameters of a request."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compiler import models
from compiler.asking import ask
from neuron_artifact import Manifest
from neuron_serving.tensors import RefusedError
from transformers import BertForSequenceClassification, BertForTokenClassification, pipeline

Publish = Callable[..., tuple[Path, Manifest]]
TEXTS = ("a cat", "the dog sat on the mat")
TAGS = {0: "O", 1: "B-ANIMAL", 2: "I-ANIMAL", 3: "B-PLACE"}
MOODS = {0: "sad", 1: "glad", 2: "neither"}


def named(names: dict[int, str]) -> dict[str, Any]:
    return {"id2label": names, "label2id": {name: index for index, name in names.items()}}


@pytest.fixture
def classifier(publish: Publish, tmp_path: Path) -> tuple[tuple[Path, Manifest], Path]:
    (tmp_path / "source").mkdir()
    source = models.bert_for(BertForSequenceClassification, tmp_path / "source", **named(MOODS))
    return publish(source, model__task="text-classification"), source


@pytest.mark.parametrize(
    "given",
    [{"top_k": 2}, {"top_k": None}, {"top_k": 3, "function_to_apply": "sigmoid"}, {"top_k": 1}],
)
def test_labels_come_as_the_pipeline_orders_them(
    classifier: tuple[tuple[Path, Manifest], Path], given: dict[str, Any]
) -> None:
    place, source = classifier
    found = ask(place, *TEXTS, **given)
    for row, wanted in enumerate(pipeline("text-classification", str(source))(list(TEXTS), **given)):
        assert [label.decode() for label in found["label"][row]] == [each["label"] for each in wanted]
        np.testing.assert_allclose(found["score"][row], [each["score"] for each in wanted], atol=1e-5)


@pytest.mark.parametrize(
    "given", [{"top_k": 0}, {"top_k": True}, {"top_k": "two"}, {"function_to_apply": "argmax"}]
)
def test_a_parameter_that_means_nothing_is_refused(
    classifier: tuple[tuple[Path, Manifest], Path], given: dict[str, Any]
) -> None:
    with pytest.raises(RefusedError, match="The parameter"):
        ask(classifier[0], "a cat", **given)


def test_tokens_become_entities_by_the_pipelines_strategies(publish: Publish, tmp_path: Path) -> None:
    source = models.bert_for(BertForTokenClassification, tmp_path, **named(TAGS))
    place, library = publish(source, model__task="token-classification"), pipeline
    for strategy in ("simple", "first", "average", "max"):
        tagger = library("token-classification", str(source), aggregation_strategy=strategy)
        for ignored in (["O"], []):
            given = {"aggregation_strategy": strategy, "ignore_labels": ignored}
            found = ask(place, *TEXTS, **given)["entities"]
            for told, wanted in zip(found[:, 0], tagger(list(TEXTS), ignore_labels=ignored), strict=True):
                entities = json.loads(told)
                assert [(e["label"], e["word"], e["start"], e["end"]) for e in entities] == [
                    (e["entity_group"], e["word"], e["start"], e["end"]) for e in wanted
                ]
                np.testing.assert_allclose(
                    [e["score"] for e in entities], [e["score"] for e in wanted], atol=1e-5
                )
