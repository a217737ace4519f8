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
