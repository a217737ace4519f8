"""preprocessor_config.json of transformers 5 as transformers 4 reads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import transformers
from transformers.models.auto.image_processing_auto import IMAGE_PROCESSOR_MAPPING_NAMES

from neuron_compiler.newer.unknown import UnknownError

_KIND, _OLD_KIND, _INNER = "image_processor_type", "feature_extractor_type", "image_processor"
# What these make of a picture is another in 5.
_CHANGED = {"DonutImageProcessor"}


def translated(content: Mapping[str, Any], model_type: str) -> Mapping[str, Any]:
    """The settings with the class of transformers 4 that computes the same.

    5 computes pictures with torchvision, unless a class is named that does it with PIL; 4 calls the former
    Fast. Raises UnknownError.
    """
    if isinstance(inner := content.get(_INNER), dict):
        return {**content, _INNER: translated(inner, model_type)}
    old = str(content.get(_OLD_KIND) or "").removesuffix("FeatureExtractor")
    name = str(content.get(_KIND) or (f"{old}ImageProcessor" if old else _of(model_type)))
    with_pil = name.removesuffix("Pil")
    plain = with_pil.removesuffix("Fast")
    if plain in _CHANGED:
        raise UnknownError(f"{_KIND} ({plain})")
    wanted = with_pil if with_pil != name else f"{plain}Fast"
    return {**content, _KIND: wanted} if hasattr(transformers, wanted) else content


def _of(model_type: str) -> str:
    """The class for a type of models; empty where there is none."""
    names = IMAGE_PROCESSOR_MAPPING_NAMES.get(model_type, ())
    return next((str(name).removesuffix("Fast") for name in names if name), "")
