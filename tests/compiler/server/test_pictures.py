"""Files of pictures as users send them reach the model as transformers' pipelines would see them, or are
refused before any memory is taken.
"""

import io
import tracemalloc
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from neuron_serving import limits
from neuron_serving.doors import pixels
from neuron_serving.doors.decoding import decode
from neuron_serving.tensors import RefusedError
from PIL import Image
from transformers.image_utils import load_image

ORIENTATION = 0x0112
STEPS: dict[str, Any] = {
    "size": {"shortest_edge": 224},
    "crop_size": {"height": 224, "width": 224},
    "do_center_crop": True,
    "resample": 3,
    "rescale_factor": 1 / 255,
    "image_mean": [0.5] * 3,
    "image_std": [0.5] * 3,
}


def spots(width: int = 60, height: int = 36) -> Image.Image:
    random = np.random.default_rng(7)
    small = Image.fromarray(random.integers(0, 255, (6, 10, 3), dtype=np.uint8))
    return small.resize((width, height), Image.Resampling.BICUBIC)


def file(picture: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, form, **options)
    return stream.getvalue()


def turned(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return file(spots(), "JPEG", quality=95, exif=exif)


def with_alpha(mode: str) -> Image.Image:
    picture = spots().convert(mode)
    picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    return picture


def sixteen_bits() -> Image.Image:
    return Image.fromarray(np.asarray(spots().convert("L"), dtype=np.uint16) * 257)


def animation(form: str) -> bytes:
    return file(spots(), form, save_all=True, append_images=[spots().transpose(Image.Transpose.ROTATE_180)])


FILES: dict[str, Callable[[], bytes]] = {
    **{f"orientation {number}": partial(turned, number) for number in range(1, 9)},
    "PNG": lambda: file(spots()),
    "WebP": lambda: file(spots(), "WEBP", quality=90),
    "WebP with alpha": lambda: file(with_alpha("RGBA"), "WEBP"),
    "progressive JPEG": lambda: file(spots(), "JPEG", progressive=True),
    "CMYK JPEG": lambda: file(spots().convert("CMYK"), "JPEG"),
    "grey JPEG": lambda: file(spots().convert("L"), "JPEG"),
    "RGBA": lambda: file(with_alpha("RGBA")),
    "grey": lambda: file(spots().convert("L")),
    "grey with alpha": lambda: file(with_alpha("L")),
    "16 bits": lambda: file(sixteen_bits()),
    "one bit": lambda: file(spots().convert("1")),
    "palette": lambda: file(spots().quantize(32)),
    "palette with a transparent colour": lambda: file(spots().quantize(32), transparency=3),
    "animated WebP": lambda: animation("WEBP"),
    "animated PNG": lambda: animation("PNG"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_seen_as_transformers_sees_it(name: str) -> None:
    content = FILES[name]()
    wanted = load_image(Image.open(io.BytesIO(content)))
    found = decode(content, 0)
    assert found.mode == "RGB"
    assert np.array_equal(np.asarray(found), np.asarray(wanted))


def png_header(width: int, height: int) -> bytes:
    """The beginning of a PNG of this size, without any of its pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return len(content).to_bytes(4) + kind + content + zlib.crc32(kind + content).to_bytes(4)

    size = width.to_bytes(4) + height.to_bytes(4) + bytes([8, 2, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", zlib.compress(b"\0"))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (png_header(5001, 5000), f"5001 x 5000 pixels, and {limits.MAX_PICTURE_PIXELS} are allowed"),
        (png_header(60_000, 60_000), f"{limits.MAX_PICTURE_PIXELS} are allowed"),
        (file(Image.new("RGB", (1, 12_000)), "JPEG"), "would be resized to 602112000 pixels"),
        (file(Image.new("L", (12_000, 1))), f"{limits.MAX_RESIZED_PIXELS} are allowed"),
    ],
    ids=["more pixels than are decoded", "more than anybody decodes", "a tall JPEG", "a wide PNG"],
)
def test_too_many_pixels_are_refused_before_memory_is_taken(content: bytes, says: str) -> None:
    made = pixels.StepPixels(STEPS)
    tracemalloc.start()
    try:
        with pytest.raises(RefusedError, match=says):
            decode(content, 0, made.resized)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2**20


def test_texts_inside_of_a_png_do_not_unpack_without_bound() -> None:
    from PIL.PngImagePlugin import PngInfo

    texts = PngInfo()
    for index in range(16):
        texts.add_text(f"text {index}", "a" * 2**20, zip=True)
    with pytest.raises(RefusedError, match="no picture that can be read"):
        decode(file(spots(), pnginfo=texts), 0)


def test_a_huge_jpeg_is_decoded_at_half_its_size_and_gives_the_same_pixel_values(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = file(spots(2400, 1600), "JPEG", quality=95)
    made = pixels.StepPixels(STEPS)
    whole = made.values(decode(content, 0))
    monkeypatch.setattr("neuron_serving.doors.decoding.MAX_PICTURE_PIXELS", 1_000_000)
    monkeypatch.setattr("neuron_serving.doors.decoding.MAX_DRAFT_PIXELS", 4_000_000)
    halved = decode(content, 0)
    assert halved.size == (1200, 800)
    # Two of the 255 levels of a colour.
    assert np.abs(made.values(halved) - whole).max() <= 2 / 127.5 + 1e-6
    progressive = file(spots(2400, 1600), "JPEG", quality=95, progressive=True)
    with pytest.raises(RefusedError, match="1000000 are allowed"):
        decode(progressive, 0)


def test_what_a_library_resizes_to_is_known_before(tmp_path: Path) -> None:
    from transformers import CLIPImageProcessor, ViTImageProcessor

    CLIPImageProcessor(size={"shortest_edge": 224}).save_pretrained(tmp_path / "clip")
    ViTImageProcessor(size={"height": 224, "width": 224}).save_pretrained(tmp_path / "vit")
    keeping, squeezing = pixels.open_pixels(tmp_path / "clip"), pixels.open_pixels(tmp_path / "vit")
    assert keeping.resized(1, 12_000) > limits.MAX_RESIZED_PIXELS
    assert keeping.resized(4000, 1000) >= 4 * 224 * 224
    assert squeezing.resized(1, 12_000) < 300 * 300
