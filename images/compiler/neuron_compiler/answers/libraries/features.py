"""transformers and timm on pictures that become vectors: the pipeline's features, the projection that is
compared with texts, timm's features before the classifier.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from PIL import Image
from transformers import AutoImageProcessor, AutoModel
from transformers.image_utils import load_image

from neuron_compiler.answers import pictures
from neuron_compiler.answers.example import Example
from neuron_compiler.answers.expected import Expected, Tensors
from neuron_compiler.answers.libraries.images import config_of, is_timms, resize, timm_transform
from neuron_compiler.pretrained import weights
from neuron_compiler.request import Request

Features = Callable[[Image.Image], torch.Tensor]


def open_features(request: Request, directory: Path) -> _Vectors:
    """The features of a directory's model, by the library that its configuration or the request names."""
    named, config = request.model.architecture, config_of(directory)
    if named is None and not is_timms(config):
        return _Vectors(
            f"transformers {transformers.__version__}", request, _of_transformers(request, directory)
        )
    import timm

    return _Vectors(f"timm {timm.__version__}", request, _of_timm(request, directory, named))


class _Vectors:
    """The vector of a picture, or of each of its parts."""

    def __init__(self, name: str, request: Request, features: Features) -> None:
        self.name = name
        self._pooling = request.model.pooling
        self._features = features

    def examples(self) -> list[Example]:
        """Pictures of every format and mode."""
        return pictures.examples()

    def answer(self, example: Example, row: int) -> Expected:
        """The features of one picture. EXIF is heeded as transformers heeds it."""
        picture = load_image(Image.open(io.BytesIO(example.inputs["image"][row])))
        with torch.inference_mode():
            found = self._features(picture)[0]
        if self._pooling == "Cls":
            found = found[0]
        elif self._pooling == "Mean":
            found = found.mean(0) if found.dim() == 2 else found.mean((1, 2))
        pooled = found.dim() == 1
        return Tensors({"embedding" if pooled else "last_hidden_state": np.asarray(found, dtype=np.float32)})


def _of_transformers(request: Request, directory: Path) -> Features:
    model, report = AutoModel.from_pretrained(
        directory,
        trust_remote_code=request.model.trust_remote_code,
        **weights(),
        output_loading_info=True,
    )
    model.eval()
    processor = AutoImageProcessor.from_pretrained(directory, local_files_only=True)
    if request.options.image_sizes:
        resize(processor, max(request.options.image_sizes))
    tower: Any = model.vision_model if hasattr(model, "get_image_features") else model
    untrained = any("pooler" in name for name in report["missing_keys"])

    def features(picture: Image.Image) -> torch.Tensor:
        pixels = processor(picture, return_tensors="pt")["pixel_values"]
        if request.model.pooling == "Auto" and hasattr(model, "get_image_features"):
            made: Any = model.get_image_features(pixel_values=pixels)
            # transformers 4 gives the vector itself.
            projected: torch.Tensor = getattr(made, "pooler_output", made)
            return projected
        result = tower(pixel_values=pixels)
        pooler = getattr(result, "pooler_output", None)
        if request.model.pooling == "Auto" and pooler is not None and not untrained:
            pooled: torch.Tensor = pooler.flatten(1)
            return pooled
        last: torch.Tensor = result[0]
        return last

    return features


def _of_timm(request: Request, directory: Path, named: str | None) -> Features:
    import timm

    from neuron_compiler.sources.files import weight_files

    if named is None:
        network = timm.create_model(f"local-dir:{directory}", pretrained=True)
    else:
        (path,) = weight_files(directory)
        network = timm.create_model(named.partition("/")[2], checkpoint_path=str(path))
    network.eval()
    transform = timm_transform(request, network)

    def features(picture: Image.Image) -> torch.Tensor:
        found: torch.Tensor = network.forward_features(transform(picture).unsqueeze(0))
        if request.model.pooling == "Auto":
            found = network.forward_head(found, pre_logits=True)
        return found

    return features
