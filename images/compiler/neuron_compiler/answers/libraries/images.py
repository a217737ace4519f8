"""transformers, timm and torchvision on pictures: their own processors and transforms."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from neuron_serving.tensors import Array
from PIL import Image
from transformers import AutoImageProcessor, AutoModelForImageClassification, pipeline
from transformers.image_utils import load_image

from neuron_compiler import jsonfile
from neuron_compiler.answers import pictures
from neuron_compiler.answers.example import Example
from neuron_compiler.answers.expected import Classes, Expected
from neuron_compiler.pretrained import weights
from neuron_compiler.request import Request
from neuron_compiler.sources.files import weight_files

Transform = Callable[[Image.Image], torch.Tensor]


def open_images(request: Request, directory: Path, labels: Sequence[str]) -> _Pipeline | _Network:
    """The classifier of a directory, by the library that its configuration or the request names."""
    config = config_of(directory)
    named = request.model.architecture
    if named is None and is_timms(config):
        return _of_timm_files(request, directory, config, labels)
    if named is None:
        return _Pipeline(request, directory)
    return _by_name(request, directory, config, labels)


class _Pictures:
    def examples(self) -> list[Example]:
        """Pictures of every format and mode."""
        return pictures.examples()


class _Pipeline(_Pictures):
    """transformers' own pipeline."""

    name = f"transformers {transformers.__version__}"

    def __init__(self, request: Request, directory: Path) -> None:
        remote = request.model.trust_remote_code
        model = AutoModelForImageClassification.from_pretrained(
            directory, trust_remote_code=remote, **weights()
        )
        processor = AutoImageProcessor.from_pretrained(directory, trust_remote_code=remote)
        if request.options.image_sizes:
            resize(processor, max(request.options.image_sizes))
        self._count = int(model.config.num_labels)
        self._classify = pipeline(
            "image-classification", model=model.eval(), image_processor=processor, device=-1
        )

    def answer(self, example: Example, row: int) -> Expected:
        """The scores of every label."""
        picture = _opened(example.inputs["image"][row])
        found = self._classify(picture, top_k=self._count)
        return Classes(
            tuple(str(each["label"]) for each in found), np.array([each["score"] for each in found])
        )


class _Network(_Pictures):
    """A network with a transform: the scores of its classes, as transformers' pipeline would make them of
    the problem_type of its configuration.
    """

    def __init__(
        self,
        name: str,
        network: torch.nn.Module,
        transform: Transform,
        labels: tuple[str, ...],
        problem: str | None,
    ) -> None:
        self.name = name
        self._network = network.eval()
        self._transform = transform
        self._labels = labels
        self._problem = problem

    def answer(self, example: Example, row: int) -> Expected:
        """The scores of one picture. EXIF is heeded as transformers heeds it."""
        pixels = self._transform(load_image(_opened(example.inputs["image"][row])))
        with torch.inference_mode():
            (logits,) = self._network(pixels.unsqueeze(0))
        if self._problem == "multi_label_classification" or (len(logits) == 1 and not self._is_regression):
            logits = logits.sigmoid()
        elif not self._is_regression:
            logits = logits.softmax(-1)
        scores: Array = logits.numpy()
        return Classes(self._labels, scores)

    @property
    def _is_regression(self) -> bool:
        return self._problem == "regression"


def resize(processor: Any, edge: int) -> None:
    """Sets the edge that comes out of an image processor, and all sizes in their proportion."""
    picture = Image.new("RGB", (300, 200))
    own = int(processor(picture, return_tensors="pt")["pixel_values"].shape[-1])
    if own == edge:
        return
    for name in ("size", "crop_size"):
        sizes = getattr(processor, name, None)
        if sizes:
            setattr(processor, name, {key: int(value * edge / own) for key, value in dict(sizes).items()})


def _of_timm_files(
    request: Request, directory: Path, config: Mapping[str, Any], labels: Sequence[str]
) -> _Network:
    import timm

    # timm gives a network another classifier where the files do not say how many classes their weights have.
    count = len(labels)
    network = timm.create_model(
        f"local-dir:{directory}",
        pretrained=True,
        num_classes=count,
        pretrained_cfg_overlay={"num_classes": count},
    )
    named = config.get("label_names") or (config.get("pretrained_cfg") or {}).get("label_names")
    names = tuple(str(name) for name in named) if isinstance(named, list) else tuple(labels)
    transform = timm_transform(request, network)
    return _Network(f"timm {timm.__version__}", network, transform, names, config.get("problem_type"))


def _by_name(request: Request, directory: Path, config: Mapping[str, Any], labels: Sequence[str]) -> _Network:
    named, problem = request.model.architecture, config.get("problem_type")
    assert named is not None
    library, _, name = named.partition("/")
    network: torch.nn.Module
    (path,) = weight_files(directory)
    if library == "timm":
        import timm

        network = timm.create_model(name, num_classes=len(labels), checkpoint_path=str(path))
        transform = timm_transform(request, network)
        return _Network(f"timm {timm.__version__}", network, transform, tuple(labels), problem)
    import torchvision

    network = torchvision.models.get_model(name, weights=None, num_classes=len(labels))
    network.load_state_dict(_tensors(path))
    sizes = request.options.image_sizes
    size = max(sizes) if sizes else config.get("image_size")
    own = (directory / "preprocessor_config.json").is_file()
    transform = _processors(directory, sizes) if own else _torchvisions(name, size)
    return _Network(f"torchvision {torchvision.__version__}", network, transform, tuple(labels), problem)


def _processors(directory: Path, sizes: Sequence[int]) -> Transform:
    processor = AutoImageProcessor.from_pretrained(directory, local_files_only=True)
    if sizes:
        resize(processor, max(sizes))

    def transform(picture: Image.Image) -> torch.Tensor:
        pixels: torch.Tensor = processor(picture, return_tensors="pt")["pixel_values"][0]
        return pixels

    return transform


def _torchvisions(name: str, size: int | None) -> Transform:
    """What torchvision's first weights of a network come with, at the size that is compiled."""
    from torchvision import models
    from torchvision.transforms._presets import ImageClassification

    preset: Any = next(iter(models.get_model_weights(name))).transforms()
    (crop,), (edge,) = preset.crop_size, preset.resize_size
    if size in (None, crop):
        found: Transform = preset
        return found
    return ImageClassification(  # type: ignore[no-any-return]
        crop_size=size,
        resize_size=int(size * edge / crop),
        mean=preset.mean,
        std=preset.std,
        interpolation=preset.interpolation,
    )


def timm_transform(request: Request, network: torch.nn.Module) -> Transform:
    """timm's own transform of a network, at the size that is compiled."""
    from timm.data import create_transform, resolve_model_data_config

    asked = request.options.image_sizes
    arguments = {"input_size": (3, max(asked), max(asked))} if asked else {}
    said = resolve_model_data_config(network, args=arguments)
    transform: Transform = create_transform(**said, is_training=False)
    return transform


def _tensors(path: Path) -> Mapping[str, torch.Tensor]:
    """The tensors of a file, or those it has among other things."""
    from safetensors.torch import load_file

    if path.suffix == ".safetensors":
        found: Any = load_file(path)
    else:
        found = torch.load(path, map_location="cpu", weights_only=True)
    for key in ("state_dict", "model"):
        found = found[key] if isinstance(found.get(key), Mapping) else found
    return {name.removeprefix("module."): tensor for name, tensor in found.items()}


def _opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def is_timms(config: Mapping[str, Any]) -> bool:
    """Whether config.json is timm's own."""
    return "model_type" not in config and "architecture" in config


def config_of(directory: Path) -> dict[str, Any]:
    """config.json, empty where there is none."""
    path = directory / "config.json"
    content: dict[str, Any] = jsonfile.read(path) if path.is_file() else {}
    return content
