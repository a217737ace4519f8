"""Networks of timm whose config.json says what few of them say."""

import json
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from compiler.conftest import published, request
from neuron_artifact import read_manifest
from neuron_compiler.failure import CompileError
from timm.models import save_for_hf


def network(directory: Path, classes: int, **changes: Any) -> Path:
    """A small network as timm saves it; `changes` go over its config.json, None removes a key."""
    torch.manual_seed(0)
    save_for_hf(timm.create_model("test_resnet", num_classes=classes).eval(), directory)
    path = directory / "config.json"
    content = json.loads(path.read_text())
    content["pretrained_cfg"] |= changes.pop("pretrained_cfg", {})
    merged = {**content, **changes}
    path.write_text(json.dumps({name: value for name, value in merged.items() if value is not None}))
    return directory


def asked(**changes: Any) -> Any:
    return request(model__task="image-classification", compile__sequenceLengths=[], **changes)


@pytest.mark.parametrize(
    ("classes", "problem", "function"),
    [
        (3, None, "softmax"),
        (1, None, "sigmoid"),
        (3, "multi_label_classification", "sigmoid"),
        (3, "regression", "none"),
        (1, "regression", "none"),
    ],
)
def test_scores_are_what_the_problem_type_makes_of_them(
    tmp_path: Path, classes: int, problem: str | None, function: str
) -> None:
    source = network(tmp_path / "model", classes, problem_type=problem)
    manifest = read_manifest(published(asked(), source, tmp_path / "store"))
    assert manifest.settings["function_to_apply"] == function
    assert manifest.parity is not None
    assert manifest.parity.answers is not None
    assert manifest.parity.answers.passed


@pytest.mark.parametrize(
    "changes",
    [
        {"pretrained_cfg": {"mean": [0.5], "std": [0.25]}},
        {"num_classes": None, "pretrained_cfg": {"num_classes": 1000}},
    ],
    ids=["one mean for all channels", "classes that only the weights tell"],
)
def test_settings_that_are_left_out_are_what_timm_makes_of_them(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    source = network(tmp_path / "model", 5, **changes)
    assert read_manifest(published(asked(), source, tmp_path / "store")).labels == tuple(
        f"LABEL_{index}" for index in range(5)
    )


def test_an_interpolation_that_timm_has_only_for_training_is_named(tmp_path: Path) -> None:
    source = network(tmp_path / "model", 3, pretrained_cfg={"interpolation": "random"})
    with pytest.raises(CompileError, match="names the interpolation random: name one of bicubic") as caught:
        published(asked(), source, tmp_path / "store")
    assert caught.value.reason == "ModelUnreadable"


def test_a_network_that_its_settings_do_not_make_is_not_said_to_be_unknown(tmp_path: Path) -> None:
    source = network(tmp_path / "model", 3, model_args={"no_such_argument": 1, "num_classes": 3})
    with pytest.raises(CompileError, match=r"can't make test_resnet .*no_such_argument") as caught:
        published(asked(), source, tmp_path / "store")
    assert (caught.value.reason, caught.value.heals) == ("ModelUnreadable", False)
    named = asked(model__architecture="timm/no_such_network")
    with pytest.raises(CompileError, match="has no network no_such_network") as caught:
        published(named, network(tmp_path / "other", 3), tmp_path / "store")
    assert caught.value.reason == "UnsupportedArchitecture"


@pytest.mark.parametrize(
    ("file", "says"),
    [
        ("adapter_config.json", "merge it into the weights"),
        ("adapter_model.safetensors", "merge it into the weights"),
    ],
)
def test_an_adapter_beside_a_network_is_not_left_out(tmp_path: Path, file: str, says: str) -> None:
    source = network(tmp_path / "model", 3)
    (source / file).write_text("{}")
    with pytest.raises(CompileError, match=says) as caught:
        published(asked(), source, tmp_path / "store")
    assert caught.value.reason == "UnsupportedArchitecture"


@pytest.mark.parametrize("kind", [torch.int8, torch.float8_e5m2])
@pytest.mark.parametrize("inside", [False, True])
def test_quantised_weights_of_a_network_are_not_read_as_plain_ones(
    tmp_path: Path, kind: torch.dtype, inside: bool
) -> None:
    source = network(tmp_path / "model", 3)
    weights = timm.create_model("test_resnet", num_classes=3).state_dict()
    packed = {**weights, "fc.weight": weights["fc.weight"].to(kind)}
    for path in source.glob("*.safetensors"):
        path.unlink()
    torch.save({"state_dict": packed, "epoch": 3} if inside else packed, source / "pytorch_model.bin")
    with pytest.raises(CompileError, match="are quantised") as caught:
        published(asked(), source, tmp_path / "store")
    assert caught.value.reason == "UnsupportedArchitecture"


def test_a_network_of_one_channel_is_refused_with_its_channels(tmp_path: Path) -> None:
    source = network(tmp_path / "model", 3, model_args={"in_chans": 1, "num_classes": 3})
    with pytest.raises(CompileError, match="takes pictures of 1 channels") as caught:
        published(asked(), source, tmp_path / "store")
    assert caught.value.reason == "UnsupportedArchitecture"
