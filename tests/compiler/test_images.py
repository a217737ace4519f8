"""Image classifiers of timm, torchvision and transformers, compiled and compared with eager mode."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from compiler.conftest import Compiled
from neuron_artifact import Manifest
from neuron_compiler import labels
from neuron_compiler.failure import CompileError
from safetensors.torch import save_file
from torchvision.models import resnet18
from transformers import (
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    ResNetConfig,
    ResNetForImageClassification,
    ViTConfig,
    ViTForImageClassification,
    ViTImageProcessor,
    ViTModel,
)

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


VECTORS = {**IMAGES, "model__task": "image-feature-extraction", "compile__imageSizes": []}
SMALL = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 24}
SEEN = {"image_size": 32, "patch_size": 8}


def transformers_vit(directory: Path) -> None:
    """A ViT with a pooler whose weights are there."""
    ViTModel(ViTConfig(**SMALL, **SEEN)).save_pretrained(directory)
    ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(directory)


def transformers_dino(directory: Path) -> None:
    """DINO's own form: a ViT without a pooler."""
    ViTModel(ViTConfig(**SMALL, **SEEN), add_pooling_layer=False).save_pretrained(directory)
    ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(directory)


def transformers_clip(directory: Path) -> None:
    """CLIP as a whole, of which pictures need one of its two towers and its projection."""
    text = {**SMALL, "vocab_size": 50, "max_position_embeddings": 16, "eos_token_id": 3, "pad_token_id": 1}
    config = CLIPConfig(text_config=text, vision_config={**SMALL, **SEEN}, projection_dim=12)
    CLIPModel(config).save_pretrained(directory)
    CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}).save_pretrained(
        directory
    )


def timms_features(directory: Path) -> None:
    """A network that timm saved without a classifier."""
    network = timm.create_model("test_vit", num_classes=0, img_size=64)
    timm.models.save_for_hf(network, directory)


@pytest.mark.parametrize(
    ("save", "pooling", "output", "dims", "said"),
    [
        (transformers_vit, "Auto", "embedding", (16,), "Pooler"),
        (transformers_vit, "Cls", "embedding", (16,), "Cls"),
        (transformers_vit, "Mean", "embedding", (16,), "Mean"),
        (transformers_vit, "None", "last_hidden_state", (17, 16), None),
        (transformers_dino, "Auto", "last_hidden_state", (17, 16), None),
        (transformers_clip, "Auto", "embedding", (12,), "Pooler"),
        (transformers_clip, "None", "last_hidden_state", (17, 16), None),
        (timms_features, "Auto", "embedding", (64,), "Pooler"),
        (timms, "Auto", "embedding", (96,), "Pooler"),
    ],
)
def test_pictures_become_the_vectors_of_the_models_own_library(
    compile_model: Compile,
    tmp_path: Path,
    save: Callable[[Path], Any],
    pooling: str,
    output: str,
    dims: tuple[int, ...],
    said: str | None,
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    torch.manual_seed(0)
    save(source)
    facts = compile_model(source, **VECTORS, model__pooling=pooling).facts
    assert facts["outputs"] == [{"name": output, "dtype": "FP32", "dims": dims}]
    assert facts["pooling"] == said
    assert facts["labels"] is None
    assert facts["parity"]["answers"]["passed"]
    assert facts["parity"]["answers"]["compared"] >= 10


def test_a_network_as_timm_saves_it_now_keeps_its_arguments_and_labels(
    compile_model: Compile, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    network = timm.create_model("test_vit", num_classes=3, global_pool="avg")
    timm.models.save_for_hf(network, tmp_path, model_config={"label_names": ["cat", "dog", "ship"]})
    assert json.loads((tmp_path / "config.json").read_text())["model_args"]["num_classes"] == 3
    facts = compile_model(tmp_path, **{**IMAGES, "compile__imageSizes": []}).facts
    assert facts["labels"] == ("cat", "dog", "ship")
    assert [bucket["axes"] for bucket in facts["buckets"]] == [{"height": 160, "width": 160}]
    assert facts["parity"]["answers"]["passed"]


def test_a_network_as_timm_saved_it_at_first_is_read(compile_model: Compile, tmp_path: Path) -> None:
    timms(tmp_path)
    now = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(
        json.dumps({**now["pretrained_cfg"], "architecture": "test_resnet", "num_classes": 10})
    )
    compiled = compile_model(tmp_path, **{**IMAGES, "compile__imageSizes": []})
    assert compiled.facts["labels"] == tuple(NAMES)
    assert processor(compiled)["image_mean"] == [0.5, 0.5, 0.5]


def test_several_labels_at_once_get_a_sigmoid_each(compile_model: Compile, tmp_path: Path) -> None:
    transformers_(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(
        json.dumps({**config, "problem_type": "multi_label_classification"})
    )
    facts = compile_model(tmp_path, **IMAGES).facts
    assert facts["settings"]["function_to_apply"] == "sigmoid"
    assert facts["parity"]["answers"]["passed"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"0": "tench", "1": "shark"}, ("tench", "shark")),
        ({"1": "shark", "0": "tench"}, ("tench", "shark")),
        ({"0": ["n01440764", "tench"], "1": ["n01484850", "shark"]}, ("tench", "shark")),
        ({"tench": 0, "shark": 1}, ("tench", "shark")),
        ({"object_type_names": {"0": "tench", "1": "shark"}}, ("tench", "shark")),
        (["tench", "shark"], ("tench", "shark")),
        ([["n01440764", "tench"], ["n01484850", "shark"]], ("tench", "shark")),
    ],
)
def test_labels_are_read_in_every_form(given: Any, said: tuple[str, ...]) -> None:
    assert labels.of_mapping(given, 2, "pvc://models/fish") == said


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"0": "tench", "2": "shark"}, "class 1 has none (0: tench, 2: shark)"),
        ({"0": "tench"}, "names 1 labels, and its weights have 2 classes"),
        (["tench", "shark", "ray"], "names 3 labels, and its weights have 2 classes"),
        ({"zero": "tench", "one": "shark"}, "are not numbers with names (zero: tench, one: shark)"),
        ({"0": [], "1": "shark"}, "are not numbers with names"),
        ("tench", "are not numbers with names (tench)"),
    ],
)
def test_labels_with_gaps_are_told_with_the_labels(given: Any, says: str) -> None:
    with pytest.raises(CompileError, match=re.escape(says)) as failure:
        labels.of_mapping(given, 2, "pvc://models/fish")
    assert failure.value.reason == "ModelUnreadable"


def test_without_an_image_processor_a_model_takes_tensors_only(
    compile_model: Compile, tmp_path: Path
) -> None:
    transformers_(tmp_path)
    (tmp_path / "preprocessor_config.json").unlink()
    compiled = compile_model(tmp_path, **IMAGES)
    assert not (compiled.directory / "processor").exists()
    assert compiled.facts["parity"]["passed"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"compile__imageSizes": [40]}, "can't take pictures of 40 x 40 pixels alone"),
        ({"compile__imageSizes": []}, "set spec.compile.imageSizes"),
    ],
)
def test_a_size_that_a_model_cannot_take_is_told(
    compile_model: Compile, tmp_path: Path, changes: dict[str, Any], says: str
) -> None:
    ViTForImageClassification(ViTConfig(**SMALL, **SEEN)).save_pretrained(tmp_path)
    if not changes["compile__imageSizes"]:
        transformers_(tmp_path)
        (tmp_path / "preprocessor_config.json").unlink()
    with pytest.raises(CompileError, match=says):
        compile_model(tmp_path, **{**IMAGES, **changes})
