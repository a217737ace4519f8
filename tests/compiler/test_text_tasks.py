"""The tasks that say something of each token, against transformers called as its documentation says."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from compiler import models
from compiler.conftest import Compiled
from transformers import (
    AutoTokenizer,
    BertForMaskedLM,
    BertForQuestionAnswering,
    BertForTokenClassification,
)

Compile = Callable[..., Compiled]
TEXTS = ("a cat", "the dog sat on the mat")
TAGS = {0: "O", 1: "B-ANIMAL", 2: "B-PLACE"}


@pytest.mark.parametrize(
    ("task", "head", "config", "outputs", "labels"),
    [
        (
            "token-classification",
            BertForTokenClassification,
            {"id2label": TAGS, "label2id": {name: index for index, name in TAGS.items()}},
            {"logits": ("sequence", 3)},
            ("O", "B-ANIMAL", "B-PLACE"),
        ),
        (
            "question-answering",
            BertForQuestionAnswering,
            {},
            {"start_logits": ("sequence",), "end_logits": ("sequence",)},
            None,
        ),
        ("fill-mask", BertForMaskedLM, {}, {"logits": ("sequence", 64)}, None),
    ],
)
def test_every_token_of_a_padded_batch_gets_what_transformers_gives_it_alone(
    compile_model: Compile,
    tmp_path: Path,
    task: str,
    head: type[Any],
    config: dict[str, Any],
    outputs: dict[str, tuple[Any, ...]],
    labels: tuple[str, ...] | None,
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    models.bert_for(head, source, **config)
    compiled = compile_model(source, model__task=task, compile__sequenceLengths=[8])
    assert {each["name"]: each["dims"] for each in compiled.facts["outputs"]} == outputs
    assert compiled.facts["labels"] == labels
    assert compiled.facts["parity"]["passed"]

    tokenizer, eager = AutoTokenizer.from_pretrained(source), head.from_pretrained(source).eval()
    rows = [tokenizer(text) for text in TEXTS]
    inputs = tuple(
        torch.tensor([row[name] + [compiled.facts["padValues"][name]] * (8 - len(row[name])) for row in rows])
        for name in (tensor["name"] for tensor in compiled.facts["inputs"])
    )
    module = torch.jit.load(str(compiled.directory / "buckets/b2_s8/model.pt"))
    with torch.inference_mode():
        found = dict(zip(outputs, module(*inputs), strict=True))
        for index, text in enumerate(TEXTS):
            alone = eager(**tokenizer(text, return_tensors="pt"))
            for name, values in found.items():
                expected = alone[name][0]
                torch.testing.assert_close(values[index, : len(expected)], expected, atol=1e-5, rtol=1e-5)
