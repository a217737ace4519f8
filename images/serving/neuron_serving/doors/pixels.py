"""From a picture to pixel values: by transformers' own processor where the checkpoint has one, else by a few
steps of Pillow, which are those of timm's and torchvision's transforms.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image

from neuron_serving.tensors import Array

FILE = "preprocessor_config.json"
# transformers' own files name the class; without that name the file holds steps (see `pixel_values`).
_TYPE = "image_processor_type"
# Some processors resize to a little more than they say: LeViT's to 256 for each 224.
_MARGIN = 256 / 224


class Pixels(Protocol):
    """How pictures become pixel values."""

    def values(self, picture: Image.Image) -> Array:
        """FP32 [3, height, width] of a picture in RGB."""

    def resized(self, width: int, height: int) -> int:
        """The pixels that a picture of this size has at most while it is made into pixel values."""


def open_pixels(directory: Path) -> Pixels:
    """Return what makes pixel values, from an artifact's folder `processor`. Raises what reading raises."""
    content: dict[str, Any] = json.loads((directory / FILE).read_text(encoding="utf-8"))
    return LibraryPixels(directory, content) if _TYPE in content else StepPixels(content)


class StepPixels:
    """Pixel values by Pillow. `content` is described at `pixel_values`."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self._content = content

    def values(self, picture: Image.Image) -> Array:
        """FP32 [3, height, width] of a picture in RGB."""
        return pixel_values(picture, self._content)

    def resized(self, width: int, height: int) -> int:
        """The pixels that a picture of this size is resized to."""
        across, down = _size(width, height, self._content)
        return across * down


class LibraryPixels:
    """Pixel values by transformers' own processor, as its pipelines make them."""

    def __init__(self, directory: Path, content: Mapping[str, Any]) -> None:
        # Imported here: they take seconds and memory that other doors do without.
        from transformers import AutoImageProcessor

        self._processor = AutoImageProcessor.from_pretrained(
            directory, local_files_only=True, trust_remote_code=False
        )
        size = content.get("size")
        keys = set(size) if isinstance(size, Mapping) else set()
        self._keeps_shape = "shortest_edge" in keys and "longest_edge" not in keys
        edges = [edge for name in ("size", "crop_size", "pad_size") for edge in _edges(content.get(name))]
        scale = max(_MARGIN, 1 / content["crop_pct"]) if content.get("crop_pct") else _MARGIN
        self._edge = int(max(edges, default=0) * scale) + 1

    def values(self, picture: Image.Image) -> Array:
        """FP32 [3, height, width] of a picture in RGB."""
        return np.ascontiguousarray(processed(self._processor, picture), dtype=np.float32)

    def resized(self, width: int, height: int) -> int:
        """The pixels that a picture of this size is resized to at most."""
        ratio = max(width, height) / max(1, min(width, height)) if self._keeps_shape else 1.0
        return int(self._edge * self._edge * ratio)


def processed(processor: Any, picture: Image.Image) -> Array:
    """Return what a processor of transformers makes of a picture, [3, height, width] for most.

    Those that compute with torch give nothing but its tensors in transformers 4. Raises what it raises.
    """
    kind = "pt" if type(processor).__name__.endswith("Fast") else "np"
    return np.asarray(processor(images=picture, return_tensors=kind)["pixel_values"][0])


def pixel_values(picture: Image.Image, content: Mapping[str, Any]) -> Array:
    """Return FP32 [3, height, width] of a picture in RGB, resized, cropped, rescaled and normalised.

    `content` has `resample` (Pillow's number of a filter), `rescale_factor`, `image_mean`, `image_std`, and
    `size`: {height, width}; or {shortest_edge}, to which the picture is resized in its own shape. With `fit`
    the picture keeps its shape too, and `inside` or `cover` the height and width. With `do_center_crop` the
    middle of `crop_size` is cut out; what lies outside of the picture is of the colour `fill`, else black.
    """
    size = _size(picture.width, picture.height, content)
    resized = picture.resize(size, resample=Image.Resampling(content["resample"]))
    if content["do_center_crop"]:
        crop = content["crop_size"]
        canvas = Image.new("RGB", (crop["width"], crop["height"]), tuple(content.get("fill", (0, 0, 0))))
        canvas.paste(resized, (-_margin(size[0], crop["width"]), -_margin(size[1], crop["height"])))
        resized = canvas
    values = np.asarray(resized, dtype=np.float32) * np.float32(content["rescale_factor"])
    mean, deviation = (np.array(content[name], dtype=np.float32) for name in ("image_mean", "image_std"))
    return np.ascontiguousarray(((values - mean) / deviation).transpose(2, 0, 1))


def _size(width: int, height: int, content: Mapping[str, Any]) -> tuple[int, int]:
    """Width and height after resizing, rounded as torchvision and timm do."""
    size = content["size"]
    if "shortest_edge" in size:
        edge = size["shortest_edge"]
        longest = int(edge * max(width, height) / min(width, height))
        return (edge, longest) if width <= height else (longest, edge)
    if "fit" in content:
        ratios = (height / size["height"], width / size["width"])
        ratio = max(ratios) if content["fit"] == "inside" else min(ratios)
        return max(1, round(width / ratio)), max(1, round(height / ratio))
    return size["width"], size["height"]


def _margin(edge: int, wanted: int) -> int:
    """Where the middle begins; below 0 where there is less than is wanted."""
    return -((wanted - edge) // 2) if edge < wanted else round((edge - wanted) / 2)


def _edges(size: Any) -> list[int]:
    if isinstance(size, Mapping):
        return [edge for edge in size.values() if isinstance(edge, int)]
    return [size] if isinstance(size, int) else []
