"""From the contents of a file to an upright picture in RGB, as transformers' pipelines load one."""

import io
import warnings
from collections.abc import Callable

from PIL import Image, ImageOps, PngImagePlugin

from neuron_serving.doors import pieces
from neuron_serving.limits import MAX_DRAFT_PIXELS, MAX_PICTURE_PIXELS, MAX_RESIZED_PIXELS
from neuron_serving.tensors import RefusedError

_FORMATS = ("JPEG", "PNG", "WEBP")
# A PNG's texts are compressed: a small file may unpack to 64 MB of them.
PngImagePlugin.MAX_TEXT_MEMORY = 4 * 1024 * 1024
# It warns of each odd field of a file's metadata, which a client may have by the ten thousand, and Python
# remembers every warning.
warnings.filterwarnings("ignore", module=r"PIL\.")

# The pixels that a picture of a width and a height has at most while it is made into pixel values.
Resized = Callable[[int, int], int]


def decode(content: bytes, index: int, resized: Resized = lambda width, height: 0) -> Image.Image:
    """Return a picture as RGB, turned as its EXIF data says; of several frames the first.

    Sizes are looked at before any pixel is read. Raises RefusedError, which names the row.
    """
    pieces.check(content, index)
    try:
        picture = Image.open(io.BytesIO(content), formats=_FORMATS)
        _check(picture, index, resized)
        return ImageOps.exif_transpose(picture).convert("RGB")
    except RefusedError:
        raise
    except Image.DecompressionBombError as error:
        raise RefusedError(
            f"Row {index} is a picture of too many pixels, and {MAX_PICTURE_PIXELS} are allowed: "
            "make it smaller."
        ) from error
    # Decoders raise errors of many kinds for files that are cut off or made to harm.
    except Exception as error:
        raise RefusedError(
            f"Row {index} is no picture that can be read: send a whole file of {', '.join(_FORMATS)}."
        ) from error


def _check(picture: Image.Image, index: int, resized: Resized) -> None:
    width, height = picture.size
    pixels = width * height
    if pixels > MAX_PICTURE_PIXELS and pixels <= MAX_DRAFT_PIXELS and _can_draft(picture):
        # The decoder itself halves the edges, which costs no memory; at this size no pixel value feels it.
        picture.draft(None, (width // 2, height // 2))
        pixels = picture.size[0] * picture.size[1]
    if pixels > MAX_PICTURE_PIXELS:
        raise RefusedError(
            f"Row {index} is a picture of {width} x {height} pixels, and {MAX_PICTURE_PIXELS} are allowed: "
            "make it smaller."
        )
    after = resized(width, height)
    if after > MAX_RESIZED_PIXELS:
        raise RefusedError(
            f"Row {index} is a picture of {width} x {height} pixels, which would be resized to {after} "
            f"pixels, and {MAX_RESIZED_PIXELS} are allowed: cut it to a less extreme shape."
        )


def _can_draft(picture: Image.Image) -> bool:
    """A progressive JPEG is held in memory as a whole, however small it is wanted."""
    return picture.format in ("JPEG", "MPO") and not picture.info.get("progressive")
