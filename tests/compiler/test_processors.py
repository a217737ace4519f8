"""A picture's pixel values are those that transformers' or timm's own code makes, whatever the files of a
checkpoint look like.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from neuron_compiler.failure import CompileError
from neuron_compiler.vision import processor
from neuron_serving.doors.pixels import open_pixels
from PIL import Image
from transformers import AutoImageProcessor, CLIPConfig, ConvNextConfig, LevitConfig, ViTConfig

URI = "pvc://models/pictures"
IMAGENET = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
SIZES = ((300, 180), (90, 250), (40, 30), (64, 64))


def spots(width: int, height: int) -> Image.Image:
    random = np.random.default_rng(width)
    small = Image.fromarray(random.integers(0, 255, (6, 10, 3), dtype=np.uint8))
    return small.resize((width, height), Image.Resampling.BICUBIC)


def made(directory: Path, found: processor.Processor, picture: Image.Image) -> Any:
    found.save(directory / "artifact")
    return open_pixels(directory / "artifact").values(picture)


@pytest.mark.parametrize(
    "content",
    [
        # As the first releases wrote them: a number for the size, a feature extractor, defaults left out.
        {"feature_extractor_type": "ConvNextFeatureExtractor", "size": 224, "crop_pct": 0.875, "resample": 3},
        {"feature_extractor_type": "ConvNextFeatureExtractor", "size": 384, "crop_pct": 0.875, "resample": 3},
        {"feature_extractor_type": "ViTFeatureExtractor", "size": 48, "resample": 2, "do_normalize": True},
        {
            "feature_extractor_type": "DeiTFeatureExtractor",
            "size": 64,
            "crop_size": 48,
            "do_center_crop": True,
        },
        {"feature_extractor_type": "LevitFeatureExtractor", "size": 48},
        {"feature_extractor_type": "PoolFormerFeatureExtractor", "size": 48, "crop_pct": 0.9},
        {"feature_extractor_type": "MobileViTFeatureExtractor", "size": 72, "crop_size": 64},
        {"feature_extractor_type": "BeitFeatureExtractor", "size": 48, "do_center_crop": False},
        {"feature_extractor_type": "CLIPFeatureExtractor", "size": 48, "crop_size": 48, **IMAGENET},
        {"feature_extractor_type": "PerceiverFeatureExtractor", "size": 48, "crop_size": 64},
        # As they are written now.
        {"image_processor_type": "EfficientNetImageProcessor", "size": {"height": 48, "width": 48}},
        {
            "image_processor_type": "EfficientNetImageProcessor",
            "size": {"height": 48, "width": 48},
            "rescale_factor": 1 / 127.5,
            "rescale_offset": True,
            "include_top": False,
        },
        {
            "image_processor_type": "BitImageProcessor",
            "size": {"shortest_edge": 56},
            "crop_size": {"height": 48, "width": 48},
        },
        {"image_processor_type": "SiglipImageProcessor", "size": {"height": 48, "width": 48}},
        {"image_processor_type": "ViTImageProcessorFast", "size": {"height": 48, "width": 32}},
        {
            "image_processor_type": "ViTImageProcessor",
            "size": {"height": 48, "width": 48},
            "do_rescale": False,
        },
        {
            "image_processor_type": "ViTImageProcessor",
            "size": {"height": 48, "width": 48},
            "image_mean": [0.5],
            "image_std": 0.5,
        },
        {"image_processor_type": "ViTImageProcessor", "size": {"height": 48, "width": 48}, "resample": 1},
        {"image_processor_type": "ViTImageProcessor", "size": {"height": 48, "width": 48}, "resample": 0},
        {
            "image_processor_type": "SegformerImageProcessor",
            "size": {"height": 48, "width": 48},
            "reduce_labels": True,
        },
        {
            "image_processor_type": "MobileNetV2ImageProcessor",
            "size": {"shortest_edge": 56},
            "crop_size": {"height": 48, "width": 48},
            "do_normalize": False,
        },
        # No name of a processor: that of the model's type.
        {"size": 48, "resample": 2},
    ],
    ids=lambda content: str(content.get("feature_extractor_type") or content.get("image_processor_type")),
)
def test_pixel_values_are_those_of_transformers_processor(tmp_path: Path, content: dict[str, Any]) -> None:
    ViTConfig().save_pretrained(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(content))
    own = AutoImageProcessor.from_pretrained(tmp_path)
    found = processor.of_transformers(tmp_path, None, URI)
    assert found is not None
    assert (len(found.mean), len(found.deviation)) == (3, 3)
    for size in SIZES:
        wanted = own(spots(*size), return_tensors="np")["pixel_values"][0]
        assert wanted.shape == (3, *found.size)
        assert np.array_equal(made(tmp_path, found, spots(*size)), wanted)


@pytest.mark.parametrize(
    ("config", "content", "edge"),
    [
        (
            ConvNextConfig(),
            {"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 224}},
            96,
        ),
        (
            CLIPConfig(),
            {
                "image_processor_type": "CLIPImageProcessor",
                "size": {"shortest_edge": 224},
                "crop_size": {"height": 224, "width": 224},
                "do_center_crop": True,
            },
            64,
        ),
        (LevitConfig(), {"image_processor_type": "LevitImageProcessor", "size": {"shortest_edge": 224}}, 64),
        (
            ViTConfig(),
            {"image_processor_type": "ViTImageProcessor", "size": {"height": 224, "width": 224}},
            64,
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_another_size_is_the_processors_own_at_that_size(
    tmp_path: Path, config: Any, content: dict[str, Any], edge: int
) -> None:
    config.save_pretrained(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(content))
    found = processor.of_transformers(tmp_path, edge, URI)
    assert found is not None
    assert made(tmp_path, found, spots(90, 250)).shape == (3, edge, edge)


def test_a_processor_among_those_of_several_modalities_is_found(tmp_path: Path) -> None:
    CLIPConfig().save_pretrained(tmp_path)
    own = {"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 48}, "crop_size": 48}
    (tmp_path / "processor_config.json").write_text(
        json.dumps({"processor_class": "CLIPProcessor", "image_processor": own})
    )
    found = processor.of_transformers(tmp_path, None, URI)
    assert found is not None
    assert found.size == (48, 48)


def test_without_a_processor_there_is_none(tmp_path: Path) -> None:
    ViTConfig().save_pretrained(tmp_path)
    (tmp_path / "processor_config.json").write_text(json.dumps({"processor_class": "ViTProcessor"}))
    assert processor.of_transformers(tmp_path, None, URI) is None


@pytest.mark.parametrize(
    ("content", "reason", "says"),
    [
        (
            {"image_processor_type": "ViTImageProcessor", "do_resize": False},
            "UnsupportedArchitecture",
            "let preprocessor_config.json resize or cut every picture to one size",
        ),
        (
            {"image_processor_type": "SegformerImageProcessor", "size": {"shortest_edge": 48}},
            "UnsupportedArchitecture",
            "takes 3 x height x width of one size",
        ),
        (
            {"image_processor_type": "ImageGPTImageProcessor", "clusters": [[0.0, 0.0, 0.0]]},
            "ModelUnreadable",
            "fails on a picture of 97 x 61 pixels",
        ),
        (
            {"auto_map": {"AutoImageProcessor": "own.OwnProcessor"}, "image_processor_type": "OwnProcessor"},
            "RemoteCodeRefused",
            "Python code of its own, which servers do not run",
        ),
        (
            {"image_processor_type": "ViTImageProcessor", "size": "large"},
            "ModelUnreadable",
            "can't be understood",
        ),
        ({"image_processor_type": "NoSuchProcessor", "size": 4}, "ModelUnreadable", "can't be understood"),
    ],
)
def test_a_processor_that_servers_cannot_use_is_refused_with_a_sentence(
    tmp_path: Path, content: dict[str, Any], reason: str, says: str
) -> None:
    (tmp_path / "config.json").write_text(
        json.dumps({"model_type": "imagegpt"} if "clusters" in content else {})
    )
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(content))
    (tmp_path / "own.py").write_text("raise SystemExit('this must not run')")
    with pytest.raises(CompileError, match=says) as failure:
        processor.of_transformers(tmp_path, None, URI)
    assert failure.value.reason == reason


@pytest.mark.parametrize(
    "settings",
    [
        {"input_size": (3, 48, 48), "crop_pct": 0.875, "interpolation": "bicubic"},
        {"input_size": (3, 48, 48), "crop_pct": 1.0, "crop_mode": "squash", "interpolation": "bilinear"},
        {"input_size": (3, 48, 48), "crop_pct": 0.9, "crop_mode": "squash"},
        {"input_size": (3, 48, 48), "crop_pct": 0.9, "crop_mode": "border", "mean": (0.5, 0.4, 0.3)},
        {"input_size": (3, 48, 32), "crop_pct": 0.95, "interpolation": "lanczos"},
        {"input_size": (3, 49, 49), "crop_pct": 0.77, "interpolation": "nearest", "std": (1.0, 1.0, 1.0)},
    ],
    ids=str,
)
def test_pixel_values_of_a_network_of_timm_are_those_of_its_transform(
    tmp_path: Path, settings: dict[str, Any]
) -> None:
    network = timm.create_model("test_resnet", pretrained_cfg={"architecture": "test_resnet", **settings})
    config = timm.data.resolve_model_data_config(network)
    transform = timm.data.create_transform(**config, is_training=False)
    found = processor.of_timm(network, None, URI)
    for size in SIZES:
        wanted = transform(spots(*size)).numpy()
        assert np.allclose(made(tmp_path, found, spots(*size)), wanted, rtol=0, atol=1e-6)


def test_a_transform_of_timm_that_is_not_carried_out_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    network = timm.create_model("test_resnet")
    black = lambda picture: torch.zeros(3, 160, 160)  # noqa: E731
    monkeypatch.setattr("timm.data.create_transform", lambda **config: black)
    with pytest.raises(CompileError, match="are not those of timm's transform"):
        processor.of_timm(network, None, URI)


@pytest.mark.parametrize(
    ("name", "size", "shortest", "crop", "resample"),
    [
        ("resnet18", None, 256, 224, 2),
        ("resnet18", 32, 36, 32, 2),
        ("inception_v3", None, 342, 299, 2),
        ("efficientnet_b0", None, 256, 224, 3),
        ("vit_b_16", None, 256, 224, 2),
    ],
)
def test_networks_of_torchvision_get_the_transform_of_their_first_weights(
    name: str, size: int | None, shortest: int, crop: int, resample: int
) -> None:
    found = processor.of_torchvision(name, size)
    assert found.size == (crop, crop)
    assert found.content["size"] == {"shortest_edge": shortest}
    assert found.content["resample"] == resample
