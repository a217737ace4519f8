"""The classifiers of torchvision, by name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from neuron_compiler import inventory, labels
from neuron_compiler.failure import CompileError, one_line
from neuron_compiler.request import Request
from neuron_compiler.sources.files import weight_files
from neuron_compiler.vision import processor, weights
from neuron_compiler.vision.model import VisionModel


def read(request: Request, directory: Path, config: Mapping[str, Any], name: str) -> VisionModel:
    """The network of a directory; `config` is its config.json, empty where there is none.

    Raises CompileError.
    """
    from torchvision import models

    uri = request.model.uri
    if request.model.task != "image-classification":
        raise CompileError(
            "UnsupportedArchitecture",
            f"torchvision/{name} of {uri} classifies only: use the task image-classification, or custom.",
        )
    inventory.check(request.model, directory, weight_files(directory))
    state = weights.read(directory, uri)
    try:
        with torch.device("meta"):
            plain = models.get_model(name, weights=None)
        count = weights.classes(state, plain)
        module = models.get_model(name, weights=None, num_classes=count)
    except (RuntimeError, ValueError, KeyError, TypeError) as error:
        raise CompileError(
            "UnsupportedArchitecture",
            f"This image's torchvision has no network {name} ({one_line(str(error))[:200]}): correct "
            "spec.model.architecture.",
        ) from error
    weights.load(module, state, f"torchvision/{name}", uri)
    size = max(request.options.image_sizes, default=_own_size(config))
    given = processor.of_transformers(directory, size, uri)
    named = config.get("id2label") or config.get("label_names") or labels.of_file(directory, uri)
    return VisionModel(
        module.eval().requires_grad_(False),
        architecture=type(module).__name__,
        labels=labels.of_mapping(named, count, uri) if named else labels.of_count(count),
        processor=given or processor.of_torchvision(name, size),
        function=labels.function_of_problem(config.get("problem_type"), count),
        kind="torchvision",
    )


def _own_size(config: Mapping[str, Any]) -> int | None:
    size = config.get("image_size")
    return size if isinstance(size, int) else None
