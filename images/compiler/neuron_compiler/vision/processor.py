"""How pictures become pixel values: transformers' own processor of a checkpoint, or timm's or torchvision's
transforms as steps that need neither library. preprocessor_config.json of an artifact tells which.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from neuron_serving.doors.pixels import FILE, Pixels, open_pixels, processed
from PIL import Image

from neuron_compiler import jsonfile
from neuron_compiler.failure import CompileError, one_line

_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_DEVIATION = (0.229, 0.224, 0.225)
# Pillow's numbers of its filters, by the names that timm and torchvision have.
_RESAMPLE = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3, "box": 4, "hamming": 5}
# Wide, tall, square, small: whatever its shape, a picture has to become one size.
_PROBES = ((97, 61), (61, 130), (64, 64), (23, 17))
# The last bit of fp32, in units of pixel values.
_EQUAL = 1e-5


@dataclass(frozen=True)
class Processor:
    """`content` is the artifact's preprocessor_config.json; `size` the height and width of what it makes.

    `mean` and `deviation` are of the values between 0 and 1 of red, green and blue.
    """

    content: Mapping[str, Any]
    size: tuple[int, int]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    def save(self, directory: Path) -> None:
        """Writes what the door reads into the folder `processor` of an artifact."""
        directory.mkdir(parents=True, exist_ok=True)
        (directory / FILE).write_text(json.dumps(self.content, indent=2) + "\n")


def of_steps(
    height: int,
    width: int,
    *,
    resized: Mapping[str, int],
    fit: str | None = None,
    fill: tuple[int, ...] | None = None,
    resample: int = 2,
    mean: tuple[float, ...] = _IMAGENET_MEAN,
    deviation: tuple[float, ...] = _IMAGENET_DEVIATION,
) -> Processor:
    """The steps resize, cut out the middle, rescale, normalise; see `pixel_values` of the door."""
    content: dict[str, Any] = {
        "do_resize": True,
        "size": dict(resized),
        "do_center_crop": True,
        "crop_size": {"height": height, "width": width},
        "resample": resample,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": list(mean),
        "image_std": list(deviation),
    }
    if fit is not None:
        content["fit"] = fit
    if fill is not None:
        content["fill"] = list(fill)
    return Processor(content, (height, width), mean, deviation)


def of_timm(module: Any, size: int | None, uri: str) -> Processor:
    """What timm's own transform of a network does, at another size where one is given.

    Raises CompileError.
    """
    from timm.data import create_transform, resolve_model_data_config

    arguments = {} if size is None else {"input_size": (3, size, size)}
    config = resolve_model_data_config(module, args=arguments)
    if config["interpolation"] not in _RESAMPLE:
        raise CompileError(
            "ModelUnreadable",
            f"pretrained_cfg of {uri} names the interpolation {config['interpolation']}: name one of "
            f"{', '.join(sorted(_RESAMPLE))}.",
        )
    processor = _steps_of_timm(config)
    transform = create_transform(**config, is_training=False)
    _compare(processor, lambda picture: transform(picture).numpy(), uri, "timm's transform")
    return processor


def _steps_of_timm(config: Mapping[str, Any]) -> Processor:
    _, height, width = config["input_size"]
    part = config["crop_pct"] or 0.875
    larger = {"height": math.floor(height / part), "width": math.floor(width / part)}
    mean = _three(config["mean"])
    fit, fill, resized = None, None, larger
    if config["crop_mode"] == "border":
        fit, fill = "inside", tuple(round(255 * value) for value in mean)
    elif config["crop_mode"] != "squash":
        if larger["height"] == larger["width"]:
            resized = {"shortest_edge": larger["height"]}
        else:
            fit = "cover"
    return of_steps(
        height,
        width,
        resized=resized,
        fit=fit,
        fill=fill,
        resample=_RESAMPLE[config["interpolation"]],
        mean=mean,
        deviation=_three(config["std"]),
    )


def of_torchvision(name: str, size: int | None) -> Processor:
    """The transforms that torchvision publishes the network's first weights with, at another size where one
    is given: the shorter edge keeps its proportion to what is cut out.
    """
    from torchvision import models

    try:
        weights = list(models.get_model_weights(name))
        preset = weights[0].transforms()
        (crop,), (edge,) = preset.crop_size, preset.resize_size
        resample = _RESAMPLE[preset.interpolation.value]
        mean, deviation = tuple(preset.mean), tuple(preset.std)
    except (ValueError, AttributeError, IndexError, KeyError):
        crop, edge, resample, mean, deviation = 224, 256, 2, _IMAGENET_MEAN, _IMAGENET_DEVIATION
    wanted = size or crop
    shortest = math.floor(wanted * edge / crop)
    return of_steps(
        wanted,
        wanted,
        resized={"shortest_edge": shortest},
        resample=resample,
        mean=mean,
        deviation=deviation,
    )


def of_transformers(directory: Path, size: int | None, uri: str) -> Processor | None:
    """The processor of a checkpoint as transformers loads it, None where there is none; at another size where
    one is given. Raises CompileError.
    """
    if not _has_processor(directory):
        return None
    own = _load(directory, uri)
    content = _content(own, uri)
    found = _size_of(lambda picture: processed(own, picture), uri)
    if size is not None and found != (size, size):
        return _described(_resized(content, size, uri), (size, size), uri)
    processor = _described(content, found, uri)
    _compare(processor, lambda picture: processed(own, picture), uri, "transformers' processor")
    return processor


def _has_processor(directory: Path) -> bool:
    if (directory / FILE).is_file():
        return True
    several = directory / "processor_config.json"
    try:
        return several.is_file() and "image_processor" in jsonfile.read(several)
    except (ValueError, TypeError):
        return False


def _load(directory: Path, uri: str) -> Any:
    from transformers import AutoImageProcessor

    try:
        return AutoImageProcessor.from_pretrained(directory, local_files_only=True, trust_remote_code=False)
    except MemoryError:
        raise
    # It parses what anybody has written, and raises errors of every kind.
    except Exception as error:
        text = one_line(str(error))
        if "trust_remote_code" in text:
            raise CompileError(
                "RemoteCodeRefused",
                f"The image processor of {uri} is Python code of its own, which servers do not run: name one "
                f"of transformers' processors as image_processor_type in {FILE}, or use the task custom.",
            ) from error
        raise CompileError(
            "ModelUnreadable", f"{FILE} of {uri} can't be understood ({text[:300]}): correct it."
        ) from error


def _content(own: Any, uri: str) -> dict[str, Any]:
    """The processor's settings as it writes them, without what names code or files elsewhere."""
    try:
        content: dict[str, Any] = json.loads(own.to_json_string())
    except (TypeError, ValueError) as error:
        raise CompileError(
            "ModelUnreadable",
            f"{FILE} of {uri} can't be written again ({one_line(str(error))[:200]}): correct it.",
        ) from error
    for name in ("auto_map", "processor_class", "_processor_class", "feature_extractor_type"):
        content.pop(name, None)
    content["image_processor_type"] = _kind(type(own).__name__)
    return content


def _kind(name: str) -> str:
    """The class that a server opens. Which library computes is not the checkpoint's to say: the pipelines
    take the same one. transformers 4 has a class for each library, whose numbers differ, and the name tells
    them apart.
    """
    from transformers import __version__

    return name if __version__.startswith("4.") else name.removesuffix("Fast")


def _resized(content: Mapping[str, Any], size: int, uri: str) -> dict[str, Any]:
    """The settings for another size: what is cut out gets it, what is resized keeps its proportion."""
    result, given, crop = dict(content), content.get("size"), content.get("crop_size")
    try:
        square = {"height": size, "width": size}
        if content.get("do_center_crop") and isinstance(crop, Mapping):
            old = min(crop["height"], crop["width"])
            result["crop_size"] = square
            result["size"] = {name: math.floor(edge * size / old) for name, edge in dict(given or {}).items()}
        elif isinstance(given, Mapping) and set(given) == {"height", "width"}:
            result["size"] = square
        else:
            result["size"] = {"shortest_edge": size}
    except (KeyError, TypeError, ValueError) as error:
        raise CompileError(
            "ModelUnreadable",
            f"{FILE} of {uri} has sizes that can't be changed to {size} ({error}): leave out "
            "spec.compile.imageSizes.",
        ) from error
    return result


def _described(content: Mapping[str, Any], wanted: tuple[int, int], uri: str) -> Processor:
    normalizes = content.get("do_normalize") and content.get("image_mean") and content.get("image_std")
    processor = Processor(
        content,
        wanted,
        _three(content["image_mean"]) if normalizes else (0.0, 0.0, 0.0),
        _three(content["image_std"]) if normalizes else (1.0, 1.0, 1.0),
    )
    found = _size_of(_opened(processor, uri).values, uri)
    if found != wanted:
        raise CompileError(
            "UnsupportedArchitecture",
            f"The processor of {uri} makes {found[0]} x {found[1]} pixels, and {wanted[0]} x {wanted[1]} are "
            f"wanted: leave out spec.compile.imageSizes, or correct {FILE}.",
        )
    return processor


def _three(values: Any) -> tuple[float, ...]:
    several = list(values) if isinstance(values, list | tuple) else [values]
    return tuple(float(value) for value in (several * 3 if len(several) == 1 else several))


def _opened(processor: Processor, uri: str) -> Pixels:
    """The processor as a door opens it."""
    with tempfile.TemporaryDirectory(prefix="processor-") as scratch:
        processor.save(Path(scratch))
        try:
            return open_pixels(Path(scratch))
        except Exception as error:  # as in `_load`
            raise CompileError(
                "ModelUnreadable",
                f"{FILE} of {uri} can't be used by a server ({one_line(str(error))[:300]}): correct it.",
            ) from error


def _size_of(values: Callable[[Image.Image], Any], uri: str) -> tuple[int, int]:
    """The height and width that every picture gets. Raises CompileError where they are not one for all."""
    shapes = set()
    for picture in _probes():
        try:
            shapes.add(tuple(np.asarray(values(picture)).shape))
        except MemoryError:
            raise
        except Exception as error:  # as in `_load`
            raise CompileError(
                "ModelUnreadable",
                f"The processor of {uri} fails on a picture of {picture.width} x {picture.height} pixels "
                f"({one_line(f'{type(error).__name__}: {error}')[:300]}): correct {FILE}.",
            ) from error
    found = sorted(shapes)
    if len(found) > 1 or len(found[0]) != 3 or found[0][0] != 3:
        shown = " or ".join(" x ".join(str(edge) for edge in shape) for shape in found[:3])
        raise CompileError(
            "UnsupportedArchitecture",
            f"The processor of {uri} makes {shown} values of a picture, and a compiled model takes "
            f"3 x height x width of one size: let {FILE} resize or cut every picture to one size.",
        )
    return int(found[0][1]), int(found[0][2])


def _compare(processor: Processor, wanted: Callable[[Image.Image], Any], uri: str, library: str) -> None:
    """Raises CompileError unless the door's pixel values are those of the library."""
    door = _opened(processor, uri)
    for picture in _probes():
        expected, found = np.asarray(wanted(picture)), door.values(picture)
        if found.shape != expected.shape or not np.allclose(found, expected, rtol=0, atol=_EQUAL):
            raise CompileError(
                "UnsupportedArchitecture",
                f"The pixel values of {uri} are not those of {library} for a picture of {picture.width} x "
                f"{picture.height}: its settings are ones that this release can't carry out.",
            )


def _probes() -> list[Image.Image]:
    random = np.random.default_rng(0)
    return [
        Image.fromarray(random.integers(0, 256, (height, width, 3), dtype=np.uint8))
        for width, height in _PROBES
    ]
