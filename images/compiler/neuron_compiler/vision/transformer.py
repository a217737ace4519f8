"""The vision models of transformers, and the vision towers of those that read texts too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from neuron_compiler import checkpoint, labels
from neuron_compiler.request import Request
from neuron_compiler.vision import processor
from neuron_compiler.vision.model import VisionModel, check_channels


def read(request: Request, directory: Path, attention: str | None) -> VisionModel:
    """The model of a directory for the request's task. Raises CompileError."""
    uri = request.model.uri
    found = checkpoint.read_image_model(request, directory, attention)
    module, config = found.module, found.config
    vision = getattr(config, "vision_config", config)
    check_channels(getattr(vision, "num_channels", 3), uri)
    classifies = request.model.task == "image-classification"
    count = int(config.num_labels) if classifies else 0
    size = max(request.options.image_sizes, default=None)
    return VisionModel(
        module.eval().requires_grad_(False),
        architecture=type(module).__name__,
        labels=labels.of_mapping(config.id2label, count, uri) if classifies else (),
        processor=processor.of_transformers(directory, size, uri),
        function=labels.function_of(config, count),
        kind="transformers",
        own_size=_own_size(vision),
        attention=getattr(config, "_attn_implementation", None),
        without_pooler=any("pooler" in name for name in found.missing),
        not_applied=found.not_applied,
    )


def _own_size(config: Any) -> tuple[int, int] | None:
    size = getattr(config, "image_size", None)
    if isinstance(size, int):
        return size, size
    if isinstance(size, list | tuple) and len(size) == 2 and all(isinstance(edge, int) for edge in size):
        return size[0], size[1]
    return None
