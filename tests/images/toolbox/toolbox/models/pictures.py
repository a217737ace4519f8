"""Every architecture of transformers that classifies pictures, with the processor of its type."""

from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForImageClassification
from transformers.models.auto import image_processing_auto, modeling_auto

from toolbox.models import configs
from toolbox.models.subjects import IMAGES, NotMadeError, Subject

LABELS = {0: "cat", 1: "dog", 2: "ship", 3: "truck"}
TASK = "image-classification"


def subjects() -> list[Subject]:
    """Each architecture."""
    names = sorted(modeling_auto.MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES)
    return [Subject(f"{TASK}/{name}", IMAGES, TASK, _maker(name)) for name in names]


def _maker(model_type: str) -> Any:
    return lambda directory: make(model_type, directory)


def make(model_type: str, directory: Path) -> None:
    """A tiny classifier of the type and the processor that its type has, at the model's size."""
    try:
        torch.manual_seed(0)
        config = configs.tiny(model_type, 400)
        config.id2label, config.label2id = LABELS, {name: index for index, name in LABELS.items()}
        model = AutoModelForImageClassification.from_config(config)
        configs.randomized(model).save_pretrained(directory)
        processor = _processor(config, _size(config))
        processor.save_pretrained(directory)
    except Exception as error:
        raise NotMadeError(f"{type(error).__name__}: {' '.join(str(error).split())[:200]}") from error


def _size(config: Any) -> int:
    size = getattr(config, "image_size", None) or getattr(
        getattr(config, "vision_config", None), "image_size", None
    )
    if isinstance(size, list | tuple):
        size = size[0]
    return int(size or 64)


def _processor(config: Any, size: int) -> Any:
    kind = image_processing_auto.IMAGE_PROCESSOR_MAPPING[type(config)]
    if isinstance(kind, dict):
        kind = next(iter(kind.values()))
    kinds = kind if isinstance(kind, tuple) else (kind,)
    processor = next(each for each in reversed(kinds) if each is not None)()
    for name in ("size", "crop_size"):
        sizes = getattr(processor, name, None)
        if sizes and not (name == "crop_size" and not getattr(processor, "do_center_crop", False)):
            edge = size
            if name == "size" and getattr(processor, "do_center_crop", False):
                edge = size * 8 // 7
            setattr(processor, name, {key: edge for key, value in dict(sizes).items() if value is not None})
    return processor
