"""Reading an image classifier: of transformers, of timm or of torchvision, with labels and processor."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from neuron_compiler.failure import CompileError
from neuron_compiler.request import Request
from neuron_compiler.vision import libraries, processor
from neuron_compiler.vision.processor import Processor

__all__ = ["Classifier", "read"]


@dataclass(frozen=True)
class Classifier:
    """A model in fp32 and evaluation mode, the name of its class, its labels, and how pictures reach it."""

    module: torch.nn.Module
    architecture: str
    labels: tuple[str, ...]
    processor: Processor


def read(request: Request, directory: Path, attention: str | None) -> Classifier:
    """Reads the image classifier of a directory: the request's architecture, else what config.json says.

    Raises CompileError.
    """
    uri = request.model.uri
    config = _json(directory / "config.json", uri)
    named = request.model.architecture or _timm_name(config)
    if named is None:
        module, default = libraries.of_transformers(request, directory, attention)
        count = int(module.config.num_labels)
        given: Mapping[Any, Any] | None = module.config.id2label
    else:
        module, count, default = libraries.by_name(named, directory, uri, config)
        given = None
    return Classifier(
        module.eval().requires_grad_(False),
        type(module).__name__,
        _labels(given or _named_labels(config, directory, uri), count, uri),
        _processor(directory, uri, default),
    )


def _timm_name(config: Mapping[str, Any]) -> str | None:
    """timm writes the name of the network into config.json, transformers a model type."""
    if "model_type" in config or "architecture" not in config:
        return None
    return f"timm/{config['architecture']}"


def _named_labels(config: Mapping[str, Any], directory: Path, uri: str) -> Any:
    """Labels where the networks of timm and torchvision keep them: config.json, or the index_to_name.json
    that TorchServe's users have.
    """
    pretrained = config.get("pretrained_cfg") or {}
    for found in (config.get("id2label"), config.get("label_names"), pretrained.get("label_names")):
        if found:
            return found
    return _json(directory / "index_to_name.json", uri) or None


def _labels(given: Any, count: int, uri: str) -> tuple[str, ...]:
    if given is None:
        return tuple(f"LABEL_{index}" for index in range(count))
    pairs = given.items() if isinstance(given, Mapping) else enumerate(given)
    try:
        names = {int(index): str(name) for index, name in pairs}
        return tuple(names[index] for index in range(count))
    except (KeyError, ValueError, TypeError) as error:
        raise CompileError(
            "ModelUnreadable",
            f"{uri} names {len(given)} labels, and its weights have {count} classes: put the labels right.",
        ) from error


def _processor(directory: Path, uri: str, default: Processor) -> Processor:
    content = _json(directory / "preprocessor_config.json", uri)
    if not content:
        return default
    try:
        return processor.of_transformers(content, default)
    except (TypeError, ValueError, KeyError) as error:
        raise CompileError(
            "ModelUnreadable", f"preprocessor_config.json of {uri} can't be understood ({error}): correct it."
        ) from error


def _json(path: Path, uri: str) -> Any:
    """The content of a JSON file, empty where there is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except ValueError as error:
        raise CompileError(
            "ModelUnreadable", f"{path.name} of {uri} is not JSON ({error}): put it right."
        ) from error
