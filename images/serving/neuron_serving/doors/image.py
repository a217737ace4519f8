"""The door for pictures: labels of classifiers, vectors of other models."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from neuron_artifact import Manifest

from neuron_serving.doors.decoding import decode
from neuron_serving.doors.door import NONE, Part, Question
from neuron_serving.doors.face import IMAGE, Face, Public
from neuron_serving.doors.options import OF_TASKS, options_of
from neuron_serving.doors.pixels import open_pixels
from neuron_serving.doors.rows import rows_of
from neuron_serving.doors.scores import Classes, function_of
from neuron_serving.limits import MAX_PIXEL_BYTES
from neuron_serving.tensors import Array, RefusedError

_CLASSIFIES = "image-classification"


class ImageDoor:
    """Takes `image`, BYTES [batch, 1]: files of JPEG, PNG or WebP."""

    def __init__(self, directory: Path, manifest: Manifest) -> None:
        """Reads the processor of an artifact."""
        self._pixels = open_pixels(directory / "processor")
        axes = [bucket.axes for bucket in manifest.buckets]
        self._largest = 3 * 4 * max(axis["height"] * axis["width"] for axis in axes)
        self._parameters = OF_TASKS.get(manifest.task, frozenset())
        self._classes: Classes | None = None
        outputs: tuple[Public, ...] = tuple(
            Public(output.name, output.dtype, tuple(int(dim) for dim in output.dims))
            for output in manifest.outputs
        )
        if manifest.task == _CLASSIFIES:
            self._classes = Classes(manifest.labels or (), function_of(manifest.settings))
            outputs = self._classes.outputs
        self.face = Face(IMAGE, (Public("image", "BYTES"),), outputs, manifest.labels or ())

    def ask(
        self, request: Mapping[str, Array], truncation: bool = False, parameters: Mapping[str, Any] = NONE
    ) -> Question:
        """The pixel values of a request. Raises RefusedError."""
        options = options_of(parameters, self._parameters)
        rows = rows_of(request, "image")
        if len(rows) * self._largest > MAX_PIXEL_BYTES:
            raise RefusedError(
                f"A request of {len(rows)} pictures takes {len(rows) * self._largest} bytes of pixel values, "
                f"and {MAX_PIXEL_BYTES} are allowed: send fewer at a time."
            )
        pixels = np.stack(
            [self._pixels.values(decode(row, index, self._pixels.resized)) for index, row in enumerate(rows)]
        )
        return Question((Part(tuple(range(len(rows))), {"pixel_values": pixels}),), options)

    def answer(self, question: Question, results: Sequence[Mapping[str, Array]]) -> dict[str, Array]:
        """The labels of the logits, or the vectors as the model gives them."""
        if self._classes is not None:
            return self._classes.answer(results[0]["logits"], question.context)
        return {output.name: results[0][output.name] for output in self.face.outputs}
