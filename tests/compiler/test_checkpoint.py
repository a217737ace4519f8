"""What is wrong with a model is told by class, before anything is traced."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from compiler import models
from compiler.conftest import request
from neuron_compiler import checkpoint
from neuron_compiler.failure import CompileError
from safetensors.torch import load_file, save_file


def refusal(directory: Path, **changes: Any) -> CompileError:
    """The failure that reading the model ends in."""
    with pytest.raises(CompileError) as caught:
        checkpoint.read(request(**changes), directory, None)
    assert caught.value.exit_code == 10
    return caught.value


def cut_weights(directory: Path) -> None:
    path = directory / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def drop_a_weight(directory: Path) -> None:
    path = directory / "model.safetensors"
    weights = load_file(path)
    del weights["h.0.mlp.c_fc.weight"]
    save_file(weights, path, metadata={"format": "pt"})


def add_weights(directory: Path, name: str) -> None:
    path = directory / "model.safetensors"
    save_file({**load_file(path), name: torch.zeros(4, 4)}, path, metadata={"format": "pt"})


def change_weights(directory: Path, name: str, change: Callable[[torch.Tensor], torch.Tensor]) -> None:
    path = directory / "model.safetensors"
    weights = load_file(path)
    weights[name] = change(weights[name])
    save_file(weights, path, metadata={"format": "pt"})


@pytest.mark.parametrize(
    ("damage", "reason", "says"),
    [
        (lambda path: (path / "config.json").write_text("{"), "ModelUnreadable", "is not JSON"),
        (
            lambda path: (path / "config.json").write_text("{}"),
            "ModelUnreadable",
            "not a transformers configuration",
        ),
        (
            lambda path: (path / "config.json").write_text("[]"),
            "ModelUnreadable",
            "no JSON object",
        ),
        (
            lambda path: models.change_config(path, model_type="later"),
            "UnsupportedArchitecture",
            "model type later",
        ),
        (lambda path: (path / "model.safetensors").unlink(), "ModelUnreadable", "can't be read"),
        (cut_weights, "ModelUnreadable", "can't be read"),
        (
            lambda path: (path / "model.safetensors").write_bytes(b"no weights"),
            "ModelUnreadable",
            "can't be read",
        ),
        (drop_a_weight, "ModelUnreadable", "h.0.mlp.c_fc.weight"),
        (
            lambda path: models.change_config(path, n_embd=32),
            "ModelUnreadable",
            "h.0.attn.c_attn.bias is 48 in the weights and 96 by config.json",
        ),
        (
            lambda path: add_weights(path, "h.0.attn.c_attn.lora_A.weight"),
            "UnsupportedArchitecture",
            "lora_A",
        ),
        (
            lambda path: change_weights(path, "h.0.mlp.c_fc.weight", lambda weight: weight.to(torch.int8)),
            "UnsupportedArchitecture",
            "h.0.mlp.c_fc.weight is of I8",
        ),
        (
            lambda path: models.change_config(path, compression_config={"quant_method": "int4"}),
            "UnsupportedArchitecture",
            "compression_config of config.json, int4",
        ),
        (
            lambda path: (path / "adapter_model.bin").write_bytes(b""),
            "UnsupportedArchitecture",
            "adapter_model.bin",
        ),
        (lambda path: (path / "tokenizer.json").write_text("{"), "ModelUnreadable", "tokenizer"),
    ],
)
def test_a_damaged_model_is_refused_with_what_is_wrong(
    tmp_path: Path, damage: Callable[[Path], object], reason: str, says: str
) -> None:
    damage(models.gpt2(tmp_path))
    failure = refusal(tmp_path)
    assert failure.reason == reason
    assert says in failure.message


def test_weights_that_have_no_place_in_the_model_are_told(tmp_path: Path) -> None:
    add_weights(models.gpt2(tmp_path), "h.2.mlp.c_fc.weight")
    (said,) = checkpoint.read(request(), tmp_path, None).not_applied
    assert said == "1 tensors of the weights have no place in the model (h.2.mlp.c_fc.weight)."


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["good", "bad"], "(good, bad)"),
        ({"good": 0, "bad": 1}, "(good: 0, bad: 1)"),
        ({"LABEL_0": "good"}, "(LABEL_0: good)"),
    ],
)
def test_labels_that_are_no_numbers_with_names_are_shown(tmp_path: Path, given: Any, says: str) -> None:
    models.change_config(models.bert_classifier(tmp_path), id2label=given)
    failure = refusal(tmp_path, model__task="text-classification")
    assert failure.reason == "ModelUnreadable"
    assert says in failure.message


def test_fewer_labels_than_the_weights_have_classes_are_told(tmp_path: Path) -> None:
    models.change_config(models.bert_classifier(tmp_path), id2label={"0": "good"}, label2id={"good": 0})
    failure = refusal(tmp_path, model__task="text-classification")
    assert "classifier.bias is 2 in the weights and 1 by config.json" in failure.message


def test_weights_without_the_tasks_head_are_refused(tmp_path: Path) -> None:
    failure = refusal(models.bert_without_head(tmp_path), model__task="text-classification")
    assert failure.reason == "ModelUnreadable"
    assert "classifier.bias" in failure.message
    assert "trained for another task" in failure.message


def test_an_encoder_decoder_is_refused(tmp_path: Path) -> None:
    failure = refusal(models.t5(tmp_path))
    assert failure.reason == "UnsupportedArchitecture"
    assert "encoder-decoder" in failure.message


class Intruder:
    """What a pickle may hold: code that runs when it is read."""

    def __init__(self, trace: Path) -> None:
        self._trace = trace

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (self._trace,)


def test_code_in_pickled_weights_is_never_run(tmp_path: Path) -> None:
    trace = tmp_path / "the-code-has-run"
    directory = models.gpt2(tmp_path / "model")
    (directory / "model.safetensors").unlink()
    torch.save({"wte.weight": Intruder(trace)}, directory / "pytorch_model.bin")
    assert refusal(directory).reason == "ModelUnreadable"
    assert not trace.exists()


def test_pickled_weights_without_code_are_read(tmp_path: Path) -> None:
    directory = models.gpt2(tmp_path)
    torch.save(load_file(directory / "model.safetensors"), directory / "pytorch_model.bin")
    (directory / "model.safetensors").unlink()
    assert checkpoint.read(request(), directory, None).config.model_type == "gpt2"


def test_code_of_the_models_own_is_refused_unless_it_is_trusted(tmp_path: Path) -> None:
    models.gpt2(tmp_path)
    classes = {"AutoConfig": "own.OwnConfig", "AutoModel": "own.OwnModel"}
    models.change_config(tmp_path, model_type="own", auto_map=classes)
    failure = refusal(tmp_path)
    assert failure.reason == "RemoteCodeRefused"
    assert "spec.model.trustRemoteCode" in failure.message


@pytest.mark.parametrize(("length", "fits"), [(64, True), (65, False)])
def test_a_bucket_is_no_longer_than_the_models_positions(tmp_path: Path, length: int, fits: bool) -> None:
    models.gpt2(tmp_path)
    if fits:
        checkpoint.read(request(compile__sequenceLengths=[8, length]), tmp_path, None)
    else:
        failure = refusal(tmp_path, compile__sequenceLengths=[8, length])
        assert failure.reason == "SequenceTooLong"
        assert "65 is more than the 64 positions" in failure.message


@pytest.mark.parametrize(("length", "fits"), [(62, True), (63, False)])
def test_roberta_has_fewer_positions_than_its_configuration_says(
    tmp_path: Path, length: int, fits: bool
) -> None:
    models.roberta(tmp_path)
    if fits:
        checkpoint.read(request(compile__sequenceLengths=[length]), tmp_path, None)
    else:
        assert refusal(tmp_path, compile__sequenceLengths=[length]).reason == "SequenceTooLong"


@pytest.mark.parametrize("target", ["inf1", "inf2", "trn1", "trn2"])
def test_without_its_compiler_a_target_is_refused(tmp_path: Path, target: str) -> None:
    from neuron_compiler import backends

    with pytest.raises(CompileError, match="is not installed") as caught:
        backends.candidates(request(target=target), tmp_path)
    assert (caught.value.reason, caught.value.exit_code) == ("ToolchainMissing", 10)
