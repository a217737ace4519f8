"""Checkpoints that are merely odd end in a right answer, or in a reason that says what is wrong with them."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from compiler import models
from compiler.conftest import published, request
from neuron_artifact import read_manifest
from neuron_compiler import shapes, speaking
from neuron_compiler.answers.reference import ask_library
from neuron_compiler.failure import CompileError, classify
from neuron_compiler.sources import files
from safetensors.torch import load_file, save_file
from toolbox.models import texts, trial
from toolbox.models.subjects import VARIANTS, Subject
from transformers import AutoTokenizer

Change = Callable[[Path], object]


def edit(file: str, **values: Any) -> Change:
    """Changes keys of a JSON file; None removes one."""

    def change(directory: Path) -> None:
        content = {**json.loads((directory / file).read_text()), **values}
        kept = {name: value for name, value in content.items() if value is not None}
        (directory / file).write_text(json.dumps(kept))

    return change


def one_segment(directory: Path) -> None:
    """As RoBERTas are: a table of segments with one row, and a tokenizer that names segments."""
    path, name = directory / "model.safetensors", "bert.embeddings.token_type_embeddings.weight"
    weights = load_file(path)
    save_file({**weights, name: weights[name][:1].clone()}, path, metadata={"format": "pt"})
    edit("config.json", type_vocab_size=1)(directory)


def words_beyond(directory: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(directory)
    tokenizer.add_tokens([f"word{number}" for number in range(40)])
    tokenizer.save_pretrained(directory)


def vocabulary_alone(directory: Path) -> None:
    vocabulary = json.loads((directory / "tokenizer.json").read_text())["model"]["vocab"]
    (directory / "vocab.txt").write_text("\n".join(sorted(vocabulary, key=vocabulary.get)) + "\n")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (directory / name).unlink()


RIGHT: dict[str, tuple[str, Change]] = {
    "a decoder whose padding is -1": ("llama", edit("config.json", pad_token_id=-1)),
    "one segment, and a tokenizer of two": ("bert", one_segment),
    "a tokenizer with words beyond the model": ("bert", words_beyond),
    "a vocabulary without any setting": ("bert", vocabulary_alone),
}


@pytest.mark.parametrize("name", RIGHT)
def test_an_odd_checkpoint_answers_as_its_library(name: str) -> None:
    model_type, change = RIGHT[name]

    def make(directory: Path) -> None:
        texts.make(model_type, "text-classification", directory)
        change(directory)

    subject = Subject(name, VARIANTS, "text-classification", make)
    # Pairs are of two segments: where a model has one, its library has no answer either.
    outcomes = (trial.RIGHT, trial.NOT_COMPARED) if change is one_segment else (trial.RIGHT,)
    assert trial.try_(subject).outcome in outcomes


def other_vocabulary(directory: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(directory)
    tokenizer.add_tokens([f"word{number}" for number in range(80)])
    tokenizer.add_special_tokens({"cls_token": "[START]"})
    tokenizer.save_pretrained(directory)
    content = json.loads((directory / "tokenizer.json").read_text())
    number = tokenizer.convert_tokens_to_ids("[START]")
    content["post_processor"] = {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[START]", number]}
    (directory / "tokenizer.json").write_text(json.dumps(content))


def empty_vocabulary(directory: Path) -> None:
    content = json.loads((directory / "tokenizer.json").read_text())
    content["pre_tokenizer"] = content["post_processor"] = None
    content["normalizer"] = {"type": "Replace", "pattern": {"Regex": "[\\s\\S]+"}, "content": ""}
    (directory / "tokenizer.json").write_text(json.dumps(content))
    # BERT's own class would put its normalizer back.
    edit("tokenizer_config.json", tokenizer_class="PreTrainedTokenizerFast")(directory)


def not_a_number(directory: Path) -> None:
    path = directory / "model.safetensors"
    weights = load_file(path)
    weights["classifier.bias"][0] = float("nan")
    save_file(weights, path, metadata={"format": "pt"})


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (other_vocabulary, "puts the token [START]"),
        (empty_vocabulary, "makes no tokens of a text"),
        (not_a_number, "hold NaN or infinity (model.classifier.bias)"),
        (edit("config.json", id2label={"0": "good", "1": {}}), "are not numbers with names"),
    ],
)
def test_what_can_never_answer_is_refused_with_what_is_wrong(
    tmp_path: Path, change: Change, says: str
) -> None:
    source = tmp_path / "model"
    change(models.bert_classifier(source))
    with pytest.raises(CompileError) as caught:
        published(request(model__task="text-classification"), source, tmp_path / "store")
    assert (caught.value.reason, caught.value.heals) == ("ModelUnreadable", False)
    assert says in caught.value.message


@pytest.mark.parametrize(
    ("model_type", "trained", "asked"),
    [
        ("bert", "text-classification", "token-classification"),
        ("llama", "token-classification", "text-classification"),
        ("electra", "text-classification", "token-classification"),
    ],
)
def test_the_head_of_another_task_is_not_taken_for_this_ones(
    tmp_path: Path, model_type: str, trained: str, asked: str
) -> None:
    source = tmp_path / "model"
    texts.make(model_type, trained, source)
    with pytest.raises(CompileError, match=f"set spec.model.task to {trained}") as caught:
        published(request(model__task=asked), source, tmp_path / "store")
    assert (caught.value.reason, caught.value.heals) == ("UnsupportedArchitecture", False)


@pytest.mark.parametrize(
    ("model_type", "name"),
    [
        ("llama", "model.layers.0.self_attn.q_proj.bias"),
        ("llama", "score.bias"),
        ("modernbert", "model.layers.1.attn.Wqkv.bias"),
    ],
)
def test_a_bias_that_the_configuration_denies_is_not_left_out(
    tmp_path: Path, model_type: str, name: str
) -> None:
    source = tmp_path / "model"
    texts.make(model_type, "text-classification", source)
    path = source / "model.safetensors"
    weights = load_file(path)
    size = len(weights[name.replace("bias", "weight")])
    save_file({**weights, name: torch.ones(size)}, path, metadata={"format": "pt"})
    with pytest.raises(CompileError, match=rf"hold 1 tensors \({name}\) of layers") as caught:
        published(request(model__task="text-classification"), source, tmp_path / "store")
    assert (caught.value.reason, caught.value.heals) == ("ModelUnreadable", False)


def with_an_adapters_layer(directory: Path) -> None:
    path = directory / "model.safetensors"
    name = "bert.encoder.layer.0.output.adapters.tuned.adapter_down.0.weight"
    save_file({**load_file(path), name: torch.ones(2, 2)}, path, metadata={"format": "pt"})


def in_whole_numbers(kind: torch.dtype) -> Change:
    def change(directory: Path) -> None:
        weights = load_file(directory / "model.safetensors")
        name = "bert.encoder.layer.0.attention.self.query.weight"
        packed = {**weights, name: weights[name].to(kind)}
        torch.save(packed, directory / "pytorch_model.bin")
        (directory / "model.safetensors").unlink()

    return change


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (with_an_adapters_layer, "1 tensors of an adapter"),
        (in_whole_numbers(torch.int8), r"are quantised \(bert\..*query\.weight is of int8\)"),
        (in_whole_numbers(torch.float8_e4m3fn), r"query\.weight is of float8_e4m3fn"),
    ],
    ids=["an adapter's layer", "a pickle of int8", "a pickle of fp8"],
)
def test_weights_that_mean_something_with_others_are_not_read_without_them(
    tmp_path: Path, change: Change, says: str
) -> None:
    source = tmp_path / "model"
    change(models.bert_classifier(source))
    with pytest.raises(CompileError, match=says) as caught:
        published(request(model__task="text-classification"), source, tmp_path / "store")
    assert (caught.value.reason, caught.value.heals) == ("UnsupportedArchitecture", False)


def test_rows_without_an_answer_of_the_library_are_left_out_of_a_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from neuron_compiler.answers.libraries.texts import _Labels

    answered = _Labels._answer

    def fails_on_short_ones(self: _Labels, text: str, *more: Any) -> Any:
        if text == "Hi":
            raise IndexError("index out of range")
        return answered(self, text, *more)

    monkeypatch.setattr(_Labels, "_answer", fails_on_short_ones)
    models.bert_classifier(tmp_path)
    known = ask_library(request(model__task="text-classification"), tmp_path, ())
    asked = [row for example in known.examples for row in example.inputs["text"] if not example.refused]
    assert asked
    assert b"Hi" not in asked
    assert known.problem == "IndexError: index out of range"
    assert all(len(example.expected) == example.rows for example in known.examples if not example.refused)


def test_a_gate_that_can_compare_nothing_lets_nothing_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from neuron_compiler.answers import reference

    def unreadable(*_: Any) -> Any:
        raise OSError("no such file")

    monkeypatch.setattr(reference, "open_library", unreadable)
    source = tmp_path / "model"
    models.bert_classifier(source)
    with pytest.raises(CompileError) as caught:
        published(request(model__task="text-classification"), source, tmp_path / "store")
    assert caught.value.reason == "AnswersDiffer"
    assert "No answer could be compared: the library has no answers (OSError: no such file)" in (
        caught.value.message
    )
    warned = request(model__task="text-classification", parity__policy="Warn")
    parity = read_manifest(published(warned, source, tmp_path / "store")).parity
    assert parity is not None
    assert parity.answers is not None
    assert (parity.answers.passed, parity.answers.compared) == (False, 0)


def test_where_padding_alone_changes_answers_that_is_said(tmp_path: Path) -> None:
    source = tmp_path / "model"
    source.mkdir()
    texts.make("convbert", "token-classification", source)
    asked = request(model__task="token-classification", parity__metric="MaxRel")
    with pytest.raises(CompileError, match="so that padding changes the answers"):
        published(asked, source, tmp_path / "store")


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ((), "has no weights under a name that its library reads:"),
        (("tf_model.h5",), r"\(there is tf_model\.h5\)"),
        (("model.fp16.safetensors",), r"\(there is model\.fp16\.safetensors\)"),
    ],
)
def test_weights_that_may_still_come_are_waited_for(
    tmp_path: Path, names: tuple[str, ...], says: str
) -> None:
    models.gpt2(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    for name in names:
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(CompileError, match=says) as caught:
        files.check(tmp_path, request().model)
    assert caught.value.reason == "SourceNotFound"


def test_a_shard_that_the_index_names_is_waited_for(tmp_path: Path) -> None:
    models.gpt2(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    (tmp_path / "model.safetensors").rename(tmp_path / "model-00001-of-00002.safetensors")
    table = {name: f"model-0000{1 + index % 2}-of-00002.safetensors" for index, name in enumerate(weights)}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": table}))
    with pytest.raises(CompileError, match=r"has no model-00002-of-00002\.safetensors") as caught:
        files.check(tmp_path, request().model)
    assert caught.value.reason == "SourceNotFound"


def test_code_that_ends_the_process_is_the_models_failure(tmp_path: Path) -> None:
    path = tmp_path / "events"

    def work(clock: shapes.Clock) -> dict[str, Any]:
        raise SystemExit(3)

    with path.open("w") as file:
        speaking.report_to(os.dup(file.fileno()), work)
    (event,) = [json.loads(line) for line in path.read_text().splitlines()]
    assert event["failed"]["reason"] == "CustomCodeFailed"
    assert not classify(SystemExit(3)).heals


@pytest.mark.parametrize(
    "settings",
    [{"prompts": ["query: "]}, {"prompts": {"query": "query: "}, "default_prompt_name": "passage"}],
)
def test_prompts_that_mean_nothing_are_a_file_to_correct(tmp_path: Path, settings: dict[str, Any]) -> None:
    source = tmp_path / "model"
    models.sentence_bert(source)
    (source / "config_sentence_transformers.json").write_text(json.dumps(settings))
    with pytest.raises(CompileError) as caught:
        published(request(model__task="feature-extraction"), source, tmp_path / "store")
    assert (caught.value.reason, caught.value.heals) == ("ModelUnreadable", False)
