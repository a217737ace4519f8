"""Odd checkpoints of texts: positions, other people's code, weights under other names, padding that tells."""

from collections.abc import Callable
from pathlib import Path

import pytest
from compiler import models
from compiler.conftest import published, request
from compiler.test_odd_checkpoints import edit
from neuron_artifact import read_manifest
from neuron_compiler.failure import CompileError
from safetensors.torch import load_file, save_file
from toolbox.models import texts, trial
from toolbox.models.subjects import VARIANTS, Subject

CODE = """from transformers import BertForSequenceClassification


class Handed(BertForSequenceClassification):
    def forward(self, *args, **kwargs):
        return super().forward(*args, **kwargs)
"""


def with_code(directory: Path) -> None:
    (directory / "modeling_handed.py").write_text(CODE)
    edit("config.json", auto_map={"AutoModelForSequenceClassification": "modeling_handed.Handed"})(directory)


@pytest.mark.parametrize(
    ("change", "trusted"),
    [(with_code, True), (edit("tokenizer_config.json", model_max_length=0), False)],
    ids=["code that names no input", "a tokenizer that allows no tokens"],
)
def test_what_looks_like_nothing_is_answered_as_by_its_library(
    change: Callable[[Path], object], trusted: bool
) -> None:
    def make(directory: Path) -> None:
        texts.make("bert", "text-classification", directory)
        change(directory)

    subject = Subject("odd", VARIANTS, "text-classification", make, model={"trustRemoteCode": trusted})
    assert trial.try_(subject).outcome == trial.RIGHT


def test_a_decoder_whose_class_hands_on_to_another_classifies_texts_of_every_length() -> None:
    def make(directory: Path) -> None:
        texts.make("gemma3", "text-classification", directory)

    assert trial.try_(Subject("gemma3", VARIANTS, "text-classification", make)).outcome == trial.RIGHT


@pytest.mark.parametrize(
    "model_type", ["data2vec-text", "ibert", "luke", "mpnet", "roberta-prelayernorm", "xlm-roberta"]
)
def test_a_bucket_beyond_the_positions_after_the_padding_is_too_long(tmp_path: Path, model_type: str) -> None:
    source = tmp_path / "model"
    texts.make(model_type, "feature-extraction", source)
    with pytest.raises(CompileError, match="more than the 126 positions") as caught:
        published(request(compile__sequenceLengths=[16, 127]), source, tmp_path / "store")
    assert caught.value.reason == "SequenceTooLong"


def test_weights_under_other_names_are_told_with_the_names_that_are_there(tmp_path: Path) -> None:
    source = tmp_path / "model"
    models.bert_classifier(source)
    path = source / "model.safetensors"
    wrapped = {f"module.{name}": tensor for name, tensor in load_file(path).items()}
    save_file(wrapped, path, metadata={"format": "pt"})
    with pytest.raises(CompileError, match=r"has others instead \(module\.bert\.") as caught:
        published(request(model__task="text-classification"), source, tmp_path / "store")
    assert caught.value.reason == "ModelUnreadable"


def without_tokenizer(model_type: str, directory: Path) -> Path:
    texts.make(model_type, "token-classification", directory)
    for path in directory.glob("tokenizer*"):
        path.unlink()
    return directory


def test_padding_that_changes_answers_is_found_without_a_tokenizer_too(tmp_path: Path) -> None:
    source = without_tokenizer("convbert", tmp_path / "model")
    asked = {"model__task": "token-classification", "parity__metric": "MaxRel"}
    with pytest.raises(CompileError, match="Padding changes the answers: MaxRel is") as caught:
        published(request(**asked), source, tmp_path / "store")
    assert (caught.value.reason, caught.value.heals) == ("AnswersDiffer", False)
    warned = published(request(**asked, parity__policy="Warn"), source, tmp_path / "store")
    assert any("Padding changes" in each for each in read_manifest(warned).checkpoint["notApplied"])


def test_a_model_that_leaves_padding_out_needs_no_tokenizer(tmp_path: Path) -> None:
    source = without_tokenizer("bert", tmp_path / "model")
    asked = request(model__task="token-classification")
    said = read_manifest(published(asked, source, tmp_path / "store")).checkpoint["notApplied"]
    assert said == ["There is no tokenizer, so that the model is served with tensors only."]
