"""How a picture becomes pixel values, kept as the configuration of transformers' own image processors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_DEVIATION = (0.229, 0.224, 0.225)
# Pillow's numbers of its filters.
_RESAMPLE = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3}
_DEFAULT_SIZE = 224
_DEFAULT_CROP = 0.875


@dataclass(frozen=True)
class Processor:
    """Resize, crop, rescale, normalise.

    `size` is the edge in pixels that the model sees. With `crop` the shorter edge is resized to size / crop
    and the middle is cut out; without, the picture is squeezed to the size. `resample` is Pillow's number of
    a filter, `mean` and `deviation` are of the values between 0 and 1 of red, green and blue.
    """

    size: int = _DEFAULT_SIZE
    crop: float | None = _DEFAULT_CROP
    resample: int = 2
    rescale: float = 1 / 255
    mean: tuple[float, float, float] = _IMAGENET_MEAN
    deviation: tuple[float, float, float] = _IMAGENET_DEVIATION

    def resized(self, size: int) -> Processor:
        """The same for another edge."""
        return replace(self, size=size)

    def to_dict(self) -> dict[str, Any]:
        """As preprocessor_config.json has it."""
        square = {"height": self.size, "width": self.size}
        edge = None if self.crop is None else math.floor(self.size / self.crop)
        return {
            "do_resize": True,
            "size": square if edge is None else {"shortest_edge": edge},
            "do_center_crop": edge is not None,
            "crop_size": square,
            "resample": self.resample,
            "do_rescale": True,
            "rescale_factor": self.rescale,
            "do_normalize": True,
            "image_mean": list(self.mean),
            "image_std": list(self.deviation),
        }


def of_timm(content: Mapping[str, Any]) -> Processor:
    """From timm's pretrained_cfg. Raises TypeError, ValueError or KeyError."""
    default = Processor()
    return Processor(
        size=int(content["input_size"][-1]) if "input_size" in content else default.size,
        crop=None if content.get("crop_mode") == "squash" else float(content.get("crop_pct", _DEFAULT_CROP)),
        resample=_RESAMPLE[str(content.get("interpolation", "bilinear"))],
        mean=_three(content.get("mean", default.mean)),
        deviation=_three(content.get("std", default.deviation)),
    )


def of_transformers(content: Mapping[str, Any], default: Processor) -> Processor:
    """From preprocessor_config.json, whose older files write sizes as one number. Raises TypeError,
    ValueError or KeyError.
    """
    size, crop_size = content.get("size", default.size), content.get("crop_size")
    crops = bool(content.get("do_center_crop", False)) and crop_size is not None
    edge = _edge(crop_size if crops else size)
    crop = edge / _edge(size) if crops else None
    if not crops and isinstance(size, Mapping) and "shortest_edge" in size:
        crop = float(content.get("crop_pct") or 1.0)
    normalizes, rescales = content.get("do_normalize", True), content.get("do_rescale", True)
    return Processor(
        size=edge,
        crop=crop,
        resample=int(content.get("resample", default.resample)),
        rescale=float(content.get("rescale_factor", default.rescale)) if rescales else 1.0,
        mean=_three(content.get("image_mean", default.mean)) if normalizes else (0.0, 0.0, 0.0),
        deviation=_three(content.get("image_std", default.deviation)) if normalizes else (1.0, 1.0, 1.0),
    )


def _edge(size: Any) -> int:
    if isinstance(size, Mapping):
        return int(size["height"] if "height" in size else size["shortest_edge"])
    return int(size)


def _three(values: Any) -> tuple[float, float, float]:
    red, green, blue = (float(value) for value in values)
    return red, green, blue
