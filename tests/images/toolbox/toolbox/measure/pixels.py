"""`python -m toolbox.measure.pixels`: what the door for pictures spends on a photograph, from the file to
pixel values, by transformers' own processor and by the steps of Pillow that other networks have.

Both run in this process, a file each in turns. The last line is the report, as JSON.
"""

import io
import json
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from neuron_serving.doors.decoding import decode
from neuron_serving.doors.pixels import Pixels, StepPixels, open_pixels
from PIL import Image
from transformers import ViTImageProcessor

ROUNDS = 60
WIDTH, HEIGHT, EDGE = 640, 480, 224


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        square = {"height": EDGE, "width": EDGE}
        ViTImageProcessor(size=square).save_pretrained(directory)
        library = open_pixels(Path(directory))
    steps = StepPixels(
        {
            "size": square,
            "do_center_crop": False,
            "resample": 2,
            "rescale_factor": 1 / 255,
            "image_mean": [0.5] * 3,
            "image_std": [0.5] * 3,
        }
    )
    photograph = _photograph()
    taken: dict[str, list[float]] = {"library": [], "steps": []}
    for _ in range(ROUNDS):
        for name, pixels in (("library", library), ("steps", steps)):
            taken[name].append(_seconds(pixels, photograph))
    medians = {name: 1000 * statistics.median(times[ROUNDS // 6 :]) for name, times in taken.items()}
    print(json.dumps({**medians, "width": WIDTH, "height": HEIGHT, "rounds": ROUNDS}), flush=True)


def _seconds(pixels: Pixels, content: bytes) -> float:
    started = time.perf_counter()
    pixels.values(decode(content, 0, pixels.resized))
    return time.perf_counter() - started


def _photograph() -> bytes:
    random = np.random.default_rng(0)
    spots = Image.fromarray(random.integers(0, 256, (12, 16, 3), dtype=np.uint8))
    stream = io.BytesIO()
    spots.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC).save(stream, "JPEG", quality=90)
    return stream.getvalue()


if __name__ == "__main__":
    main()
