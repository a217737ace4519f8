"""Pictures as users send them: files of every format and mode that a door takes."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from neuron_compiler.answers.example import Example

_SEED = 20240331
_ORIENTATION = 0x0112
_TURNED = 6


def examples() -> list[Example]:
    """One request of each picture, in the order of how much they tell."""
    wide, tall, small = _picture(320, 180), _picture(150, 260), _picture(40, 30)
    files = {
        "a wide PNG": _file(wide, "PNG"),
        "a tall JPEG": _file(tall, "JPEG", quality=92),
        "a JPEG that is turned by EXIF": _turned(tall),
        "a PNG with an alpha channel": _file(_transparent(wide), "PNG"),
        "a grey PNG": _file(tall.convert("L"), "PNG"),
        "a PNG with a palette": _file(wide.quantize(64), "PNG"),
        "a PNG of 16 bits": _file(_sixteen_bits(tall), "PNG"),
        "a CMYK JPEG": _file(wide.convert("CMYK"), "JPEG", quality=92),
        "a WebP": _file(tall, "WEBP", quality=90),
        "a small PNG with grey and alpha": _file(small.convert("LA"), "PNG"),
        "a PNG of one bit": _file(small.convert("1"), "PNG"),
    }
    return [Example(name, {"image": (content,)}) for name, content in files.items()]


def _picture(width: int, height: int) -> Image.Image:
    """Spots of colour with some grain, no two corners alike."""
    random = np.random.default_rng(_SEED + width)
    spots = Image.fromarray(random.integers(0, 256, (5, 7, 3), dtype=np.uint8))
    smooth = np.asarray(spots.resize((width, height), Image.Resampling.BICUBIC), dtype=np.int16)
    grain = random.integers(-12, 13, (height, width, 3), dtype=np.int16)
    return Image.fromarray(np.clip(smooth + grain, 0, 255).astype(np.uint8))


def _transparent(picture: Image.Image) -> Image.Image:
    alpha = Image.linear_gradient("L").resize(picture.size)
    found = picture.convert("RGBA")
    found.putalpha(alpha)
    return found


def _sixteen_bits(picture: Image.Image) -> Image.Image:
    values = np.asarray(picture.convert("L"), dtype=np.uint16) * 257
    return Image.fromarray(values)


def _turned(picture: Image.Image) -> bytes:
    """As a phone that is held upright writes it: the sensor's rows, and how to turn them."""
    exif = Image.Exif()
    exif[_ORIENTATION] = _TURNED
    return _file(picture.transpose(Image.Transpose.ROTATE_90), "JPEG", quality=92, exif=exif)


def _file(picture: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()
