"""What releases have written over the years into the files of configurations, tokenizers and processors."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from toolbox.models import pictures, texts
from toolbox.models.subjects import VARIANTS, Subject

_STANDARD = {
    "image_mean": [0.485, 0.456, 0.406],
    "image_std": [0.229, 0.224, 0.225],
    "do_normalize": True,
    "do_resize": True,
}
_SQUARE = {"height": 32, "width": 32}
# As files of releases between 4.0 and 5.x have them, at the size of a tiny ViT.
PROCESSORS: dict[str, dict[str, Any]] = {
    "vit, one number": {"image_processor_type": "ViTImageProcessor", "size": 32, "resample": 2},
    "feature extractor": {"feature_extractor_type": "ViTFeatureExtractor", "size": 32, "resample": 2},
    "deit, numbers": {
        **{"image_processor_type": "DeiTImageProcessor", "size": 40, "crop_size": 32, "do_center_crop": True},
        "resample": 3,
    },
    "clip": {
        **{"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 36}, "crop_size": _SQUARE},
        **{"do_center_crop": True, "resample": 3, "do_convert_rgb": True, "rescale_factor": 1 / 255},
    },
    "clip, numbers": {
        **{"feature_extractor_type": "CLIPFeatureExtractor", "size": 32, "crop_size": 32},
        **{"do_center_crop": True, "resample": 3},
    },
    "convnext, small": {
        **{"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 32}},
        **{"crop_pct": 0.875, "resample": 3},
    },
    "convnext, one number": {
        "feature_extractor_type": "ConvNextFeatureExtractor",
        "size": 32,
        "crop_pct": 0.875,
    },
    "bit": {
        **{"image_processor_type": "BitImageProcessor", "size": {"shortest_edge": 40}, "crop_size": _SQUARE},
        **{"do_center_crop": True, "resample": 3},
    },
    "fast": {"image_processor_type": "ViTImageProcessorFast", "size": _SQUARE, "resample": 3},
    "no mean": {"image_processor_type": "ViTImageProcessor", "size": _SQUARE, "do_normalize": False},
    "no rescale": {"image_processor_type": "ViTImageProcessor", "size": _SQUARE, "do_rescale": False},
    "other rescale": {
        "image_processor_type": "ViTImageProcessor",
        "size": _SQUARE,
        "rescale_factor": 1 / 127.5,
    },
    "siglip": {"image_processor_type": "SiglipImageProcessor", "size": _SQUARE, "resample": 3},
    "nearest": {"image_processor_type": "ViTImageProcessor", "size": _SQUARE, "resample": 0},
    "lanczos": {"image_processor_type": "ViTImageProcessor", "size": _SQUARE, "resample": 1},
    "no type": {"size": _SQUARE, "resample": 2},
}


def subjects() -> list[Subject]:
    """The variants by name."""
    found = [
        Subject(f"processor/{name}", VARIANTS, "image-classification", _with_processor(content))
        for name, content in PROCESSORS.items()
    ]
    texts_: dict[str, tuple[str, str, Callable[[Path], None]]] = {
        "multi-label": ("bert", "text-classification", _config(problem_type="multi_label_classification")),
        "single-label": ("bert", "text-classification", _config(problem_type="single_label_classification")),
        "regression": ("bert", "text-classification", _regression),
        "labels as strings": (
            "bert",
            "text-classification",
            _config(id2label={"0": "no", "1": "so so", "2": "yes"}),
        ),
        "pickled weights": ("bert", "text-classification", _pickled),
        "padding on the left": ("bert", "text-classification", _tokenizer(padding_side="left")),
        "cut on the left": ("bert", "text-classification", _tokenizer(truncation_side="left")),
        "no segments": (
            "bert",
            "text-classification",
            _tokenizer(model_input_names=["input_ids", "attention_mask"]),
        ),
        "short model_max_length": ("bert", "token-classification", _tokenizer(model_max_length=12)),
        "huge model_max_length": ("bert", "text-classification", _tokenizer(model_max_length=10**30)),
        "decoder without a pad token in its configuration": (
            "qwen2",
            "text-classification",
            _config(pad_token_id=None),
        ),
        "decoder without any pad token": ("gpt2", "text-classification", _no_pad),
        "half precision": ("bert", "text-classification", _half),
        "tokenizer that pads and cuts": ("bert", "feature-extraction", _padding_tokenizer),
        "tied words": ("bert", "fill-mask", _config(tie_word_embeddings=True)),
    }
    found += [
        Subject(f"files/{name}", VARIANTS, task, _changed(model_type, task, change))
        for name, (model_type, task, change) in texts_.items()
    ]
    found.append(
        Subject("files/multi-label pictures", VARIANTS, "image-classification", _multi_label_pictures)
    )
    return found


def _with_processor(content: dict[str, Any]) -> Callable[[Path], None]:
    def make(directory: Path) -> None:
        pictures.make("vit", directory)
        whole = {**_STANDARD, **content}
        (directory / "preprocessor_config.json").write_text(json.dumps(whole))

    return make


def _changed(model_type: str, task: str, change: Callable[[Path], None]) -> Callable[[Path], None]:
    def make(directory: Path) -> None:
        texts.make(model_type, task, directory)
        change(directory)

    return make


def _edited(file: str, **values: Any) -> Callable[[Path], None]:
    def change(directory: Path) -> None:
        content = json.loads((directory / file).read_text())
        (directory / file).write_text(json.dumps({**content, **values}))

    return change


def _config(**values: Any) -> Callable[[Path], None]:
    return _edited("config.json", **values)


def _tokenizer(**values: Any) -> Callable[[Path], None]:
    return _edited("tokenizer_config.json", **values)


def _multi_label_pictures(directory: Path) -> None:
    pictures.make("vit", directory)
    _config(problem_type="multi_label_classification")(directory)


def _state(directory: Path) -> dict[str, torch.Tensor]:
    return dict(load_file(directory / "model.safetensors"))


def _pickled(directory: Path) -> None:
    torch.save(_state(directory), directory / "pytorch_model.bin")
    (directory / "model.safetensors").unlink()


def _half(directory: Path) -> None:
    from safetensors.torch import save_file

    halves = {name: tensor.half() for name, tensor in _state(directory).items()}
    save_file(halves, directory / "model.safetensors", metadata={"format": "pt"})
    _config(dtype="float16")(directory)


def _regression(directory: Path) -> None:
    from safetensors.torch import save_file

    state = _state(directory)
    state["classifier.weight"] = state["classifier.weight"][:1].clone()
    state["classifier.bias"] = state["classifier.bias"][:1].clone()
    save_file(state, directory / "model.safetensors", metadata={"format": "pt"})
    labels = {"id2label": {"0": "score"}, "label2id": {"score": 0}}
    _config(problem_type="regression", **labels)(directory)


def _no_pad(directory: Path) -> None:
    _config(pad_token_id=None)(directory)
    file = directory / "tokenizer_config.json"
    content = json.loads(file.read_text())
    content.pop("pad_token", None)
    file.write_text(json.dumps(content))


def _padding_tokenizer(directory: Path) -> None:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
    tokenizer.enable_padding(length=24)
    tokenizer.enable_truncation(24)
    tokenizer.save(str(directory / "tokenizer.json"))
