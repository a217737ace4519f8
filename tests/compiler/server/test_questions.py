"""Answers to questions are those of the pipeline that transformers 4 had for them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from neuron_compiler.answers.libraries.questions import best_span
from neuron_serving.doors import spans
from neuron_serving.doors.options import OF_TASKS, options_of
from tokenizers import Encoding, Tokenizer

# Written by question_answers.py with transformers 4.
KNOWN = json.loads(Path(__file__).with_name("question_answers.json").read_text(encoding="utf-8"))
KINDS = {kind["name"]: kind for kind in KNOWN["tokenizers"]}


def asked(kind: dict[str, Any]) -> Iterator[tuple[dict[str, Any], Encoding, int, int | None]]:
    """Each case, its tokens, which of the texts is the context, and the id of CLS."""
    tokenizer = Tokenizer.from_str(json.dumps(kind["tokenizer"]))
    sequence = 0 if kind["said"].get("padding_side") == "left" else 1
    none = tokenizer.token_to_id(kind["said"]["cls_token"]) if "cls_token" in kind["said"] else None
    for case in kind["cases"]:
        texts = (case["question"], case["context"]) if sequence else (case["context"], case["question"])
        yield case, tokenizer.encode(*texts), sequence, none


@pytest.mark.parametrize("name", KINDS)
def test_the_door_gives_the_pipelines_answers_for_all_its_parameters(name: str) -> None:
    for case, encoding, sequence, none in asked(KINDS[name]):
        logits = (np.array(case[side], dtype=np.float32) for side in ("start", "end"))
        start, end = logits
        for told in case["told"]:
            options = options_of(told["parameters"], OF_TASKS["question-answering"])
            given = spans.answers(start, end, encoding, case["context"], sequence, none, options)
            # The pipeline fills up with spans that can't be, the last token before the first.
            found = [each for each in given if each.score > 1e-9]
            possible = [each for each in told["answers"] if each["score"] > 1e-9]
            wanted = [(each["start"], each["end"]) for each in possible]
            assert [(each.start, each.end) for each in found] == wanted, (case["context"], told["parameters"])
            scores = [each["score"] for each in possible]
            assert [each.score for each in found] == pytest.approx(scores, rel=1e-4, abs=1e-7)


@pytest.mark.parametrize("name", KINDS)
def test_the_gate_expects_the_pipelines_best_answer(name: str) -> None:
    for case, encoding, sequence, none in asked(KINDS[name]):
        start, end = (torch.tensor(case[side]) for side in ("start", "end"))
        span = best_span(start, end, encoding, case["context"], sequence, none, tie=1e-6)
        (wanted,) = case["told"][0]["answers"]
        assert span.places[0] == (wanted["start"], wanted["end"])
        assert (span.least[0], span.most[0]) == pytest.approx((wanted["score"], wanted["score"]), rel=1e-4)


def test_rows_with_fewer_answers_than_others_end_in_empty_ones() -> None:
    found = [[spans.Answer(0, 3, 0.5), spans.Answer(4, 5, 0.25)], [spans.Answer(1, 2, 1.0)]]
    outputs = spans.outputs_of(found, ["cat s", "dog"])
    assert outputs["answer"].tolist() == [[b"cat", b"s"], [b"o", b""]]
    assert outputs["score"].tolist() == [[0.5, 0.25], [1.0, 0.0]]
    assert outputs["end"].tolist() == [[3, 5], [2, 0]]
