"""The door for pictures: decodes, resizes and normalises as the model's own image processor does."""

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from neuron_artifact import Manifest
from PIL import Image, ImageOps

from neuron_serving.doors.door import Part, Question
from neuron_serving.doors.face import IMAGE, Face, Public
from neuron_serving.doors.rows import rows_of
from neuron_serving.doors.scores import Classes
from neuron_serving.tensors import Array, RefusedError

_FORMATS = ("JPEG", "PNG", "WEBP")
# A small file may unpack to gigabytes of pixels.
_MAX_PIXELS = 50_000_000


class ImageDoor:
    """Takes `image`, BYTES [batch, 1]: files of JPEG, PNG or WebP."""

    def __init__(self, directory: Path, manifest: Manifest) -> None:
        """Reads the processor of an artifact."""
        text = (directory / "processor" / "preprocessor_config.json").read_text(encoding="utf-8")
        self._processor: dict[str, Any] = json.loads(text)
        labels = manifest.labels or ()
        self._classes = Classes(labels, None)
        self.face = Face(IMAGE, (Public("image", "BYTES"),), self._classes.outputs, labels)

    def ask(self, request: Mapping[str, Array], truncation: bool) -> Question:
        """The pixel values of a request. Raises RefusedError."""
        rows = rows_of(request, "image")
        pixels = np.stack(
            [pixel_values(decode(row, index), self._processor) for index, row in enumerate(rows)]
        )
        return Question((Part(tuple(range(len(rows))), {"pixel_values": pixels}),), None)

    def answer(self, question: Question, results: Sequence[Mapping[str, Array]]) -> dict[str, Array]:
        """The labels of the logits."""
        return self._classes.answer(results[0]["logits"])


def decode(content: bytes, index: int) -> Image.Image:
    """Return a picture as RGB. Raises RefusedError, which names the row."""
    try:
        picture = Image.open(io.BytesIO(content), formats=_FORMATS)
        width, height = picture.size
        if width * height > _MAX_PIXELS:
            raise RefusedError(
                f"Row {index} is a picture of {width} x {height} pixels, and {_MAX_PIXELS} are allowed: "
                "make it smaller."
            )
        # A phone's file says how to turn it; transformers' pipelines heed that.
        return ImageOps.exif_transpose(picture).convert("RGB")
    except RefusedError:
        raise
    # Decoders raise errors of many kinds for files that are cut off or made to harm.
    except Exception as error:
        raise RefusedError(
            f"Row {index} is no picture that can be read: send a whole file of {', '.join(_FORMATS)}."
        ) from error


def pixel_values(picture: Image.Image, processor: Mapping[str, Any]) -> Array:
    """Return FP32 [3, height, width]; processor is a preprocessor_config.json of transformers."""
    size, crop = processor["size"], processor["crop_size"]
    if "shortest_edge" in size:
        scale = size["shortest_edge"] / min(picture.size)
        width, height = (max(1, int(edge * scale)) for edge in picture.size)
    else:
        width, height = size["width"], size["height"]
    resized = picture.resize((width, height), resample=Image.Resampling(processor["resample"]))
    if processor["do_center_crop"]:
        # Rounded as torchvision does, whose pictures the networks were trained with.
        left, top = round((width - crop["width"]) / 2), round((height - crop["height"]) / 2)
        # Pillow fills what lies outside with black.
        resized = resized.crop((left, top, left + crop["width"], top + crop["height"]))
    values = np.asarray(resized, dtype=np.float32) * np.float32(processor["rescale_factor"])
    mean, deviation = (np.array(processor[name], dtype=np.float32) for name in ("image_mean", "image_std"))
    return np.ascontiguousarray(((values - mean) / deviation).transpose(2, 0, 1))
