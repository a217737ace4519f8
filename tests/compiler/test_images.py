"""Image classifiers of timm, torchvision and transformers, compiled and compared with eager mode."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from compiler.conftest import Compiled
from neuron_artifact import Manifest
from neuron_compiler.failure import CompileError
from safetensors.torch import save_file
from torchvision.models import resnet18
from transformers import ResNetConfig, ResNetForImageClassification, ViTImageProcessor

Compile = Callable[..., Compiled]
NAMES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
IMAGES = {
    "model__task": "image-classification",
    "compile__sequenceLengths": [],
    "compile__imageSizes": [32],
    "compile__batchSizes": [2],
}


def torchvisions(directory: Path) -> torch.nn.Module:
    """A ResNet18 of ten classes, saved as a training script does."""
    torch.manual_seed(0)
    model = resnet18(num_classes=10).eval()
    torch.save({"state_dict": model.state_dict(), "epoch": 3}, directory / "checkpoint.pth")
    (directory / "index_to_name.json").write_text(json.dumps(dict(enumerate(NAMES))))
    return model


def timms(directory: Path) -> torch.nn.Module:
    """A network as timm uploads it: its configuration names the architecture."""
    torch.manual_seed(0)
    model: torch.nn.Module = timm.create_model("test_resnet", num_classes=10).eval()
    save_file(model.state_dict(), directory / "model.safetensors")
    pretrained = {"input_size": [3, 32, 32], "mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25]}
    content = {
        "architecture": "test_resnet",
        "num_classes": 10,
        "pretrained_cfg": {**pretrained, "crop_pct": 1.0, "interpolation": "bicubic", "label_names": NAMES},
    }
    (directory / "config.json").write_text(json.dumps(content))
    return model


def transformers_(directory: Path) -> torch.nn.Module:
    """A small ResNet of transformers with its processor."""
    torch.manual_seed(0)
    config = ResNetConfig(
        embedding_size=8,
        hidden_sizes=[8, 16],
        depths=[1, 1],
        layer_type="basic",
        id2label=dict(enumerate(NAMES)),
        label2id={name: index for index, name in enumerate(NAMES)},
    )
    model = ResNetForImageClassification(config).eval()
    model.save_pretrained(directory)
    ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(directory)
    whole: torch.nn.Module = model
    return whole


@pytest.mark.parametrize(
    ("save", "architecture", "named"),
    [
        (torchvisions, "torchvision/resnet18", "ResNet"),
        (timms, None, "ResNet"),
        (transformers_, None, "ResNetForImageClassification"),
    ],
)
def test_a_classifier_gives_the_logits_of_eager_mode_and_keeps_its_labels(
    compile_model: Compile,
    tmp_path: Path,
    save: Callable[[Path], torch.nn.Module],
    architecture: str | None,
    named: str,
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    eager = save(source)
    compiled = compile_model(source, model__architecture=architecture, **IMAGES)
    facts = compiled.facts
    assert facts["architecture"] == named
    assert facts["labels"] == tuple(NAMES)
    assert [tensor["dims"] for tensor in facts["inputs"]] == [(3, "height", "width")]
    assert [bucket["axes"] for bucket in facts["buckets"]] == [{"height": 32, "width": 32}]
    assert facts["parity"]["passed"]

    pictures = torch.rand(2, 3, 32, 32)
    with torch.inference_mode():
        (logits,) = torch.jit.load(str(compiled.directory / facts["buckets"][0]["path"]))(pictures)
        wanted = eager(pictures)
    assert torch.allclose(logits, getattr(wanted, "logits", wanted), atol=1e-4)


def processor(compiled: Compiled) -> dict[str, Any]:
    text = (compiled.directory / "processor/preprocessor_config.json").read_text()
    content: dict[str, Any] = json.loads(text)
    return content


def test_the_processor_of_timms_configuration_is_kept(compile_model: Compile, tmp_path: Path) -> None:
    timms(tmp_path)
    kept = processor(compile_model(tmp_path, **IMAGES))
    assert kept["size"] == {"shortest_edge": 32}
    assert kept["crop_size"] == {"height": 32, "width": 32}
    assert kept["resample"] == 3
    assert kept["image_mean"] == [0.5, 0.5, 0.5]
    assert kept["image_std"] == [0.25, 0.25, 0.25]


def test_without_sizes_the_models_own_is_compiled(compile_model: Compile, tmp_path: Path) -> None:
    transformers_(tmp_path)
    compiled = compile_model(tmp_path, **{**IMAGES, "compile__imageSizes": []})
    assert [bucket["name"] for bucket in compiled.facts["buckets"]] == ["b2_i32"]
    assert processor(compiled)["size"] == {"height": 32, "width": 32}
    assert processor(compiled)["image_processor_type"] == "ViTImageProcessor"


@pytest.mark.parametrize(
    ("architecture", "reason", "says"),
    [
        ("torchvision/resnet50", "ModelUnreadable", "do not fit torchvision/resnet50"),
        ("torchvision/resnet19", "UnsupportedArchitecture", "no network resnet19"),
        ("timm/nothing_known", "UnsupportedArchitecture", "no network nothing_known"),
    ],
)
def test_weights_of_another_network_are_told(
    compile_model: Compile, tmp_path: Path, architecture: str, reason: str, says: str
) -> None:
    torchvisions(tmp_path)
    with pytest.raises(CompileError, match=says) as failure:
        compile_model(tmp_path, model__architecture=architecture, **IMAGES)
    assert failure.value.reason == reason


def test_code_in_a_pickle_is_not_run(compile_model: Compile, tmp_path: Path) -> None:
    torch.save({"state_dict": Path("/tmp/never")}, tmp_path / "checkpoint.pth")
    with pytest.raises(CompileError, match="can't be read") as failure:
        compile_model(tmp_path, model__architecture="torchvision/resnet18", **IMAGES)
    assert failure.value.reason == "ModelUnreadable"


def test_labels_that_do_not_fit_the_classes_are_told(compile_model: Compile, tmp_path: Path) -> None:
    torchvisions(tmp_path)
    (tmp_path / "index_to_name.json").write_text(json.dumps({"0": "airplane"}))
    with pytest.raises(CompileError, match="names 1 labels, and its weights have 10 classes"):
        compile_model(tmp_path, model__architecture="torchvision/resnet18", **IMAGES)


def test_an_images_manifest_is_read_again(compile_model: Compile, tmp_path: Path) -> None:
    transformers_(tmp_path)
    facts = compile_model(tmp_path, **IMAGES).facts
    content = {
        **facts,
        "formatVersion": 2,
        "digest": "0" * 32,
        "createdAt": "2026-01-01T00:00:00Z",
        "request": {},
        "revision": None,
        "family": "cpu",
        "verification": "Done",
        "files": [],
    }
    manifest = Manifest.from_dict(json.loads(json.dumps(content)))
    assert manifest.buckets[0].axes == {"height": 32, "width": 32}
    assert manifest.inputs[0].dims == (3, "height", "width")
