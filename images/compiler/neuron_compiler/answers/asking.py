"""Having the door and the compiled modules answer, bucket after bucket: one module is in memory at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from neuron_artifact import Bucket, Manifest
from neuron_serving.doors.door import Door, Question
from neuron_serving.engine import Bucket as Runner
from neuron_serving.engine import Engine
from neuron_serving.loading import model_config
from neuron_serving.plan import Shape, choose
from neuron_serving.signature import Signature, axis_names, signature
from neuron_serving.tensors import Array, RefusedError

from neuron_compiler.answers.example import Example
from neuron_compiler.answers.verdict import Verdict


class Asking:
    """Requests on their way through a door.

    `run` is called once for each bucket, with what runs its compiled module; every batch size answers every
    request. Distances go to `verdict` as soon as all that an answer is made of has been computed.
    """

    def __init__(
        self, door: Door, directory: Path, manifest: Manifest, examples: Sequence[Example], verdict: Verdict
    ) -> None:
        self._door = door
        self._verdict = verdict
        self._signature: Signature = signature(manifest, model_config(directory))
        self._axes = axis_names(manifest)
        self._compiled = [self._shape(bucket) for bucket in manifest.buckets]
        self._asked: list[tuple[Example, Question]] = []
        self._made: dict[tuple[int, int], dict[int, Mapping[str, Array]]] = {}
        for example in examples:
            question = self._ask(example)
            if question is not None:
                self._asked.append((example, question))

    def run(self, bucket: Bucket, runner: Runner) -> None:
        """Computes what falls to a bucket; what a compiled module raises is an answer refused."""
        shape = self._shape(bucket)
        engine = Engine(self._signature, (shape,), (1.0,), (runner,))
        places = [
            (index, number)
            for index, (_, question) in enumerate(self._asked)
            for number, part in enumerate(question.parts)
            if self._falls_to(part.tensors) == shape.axes
        ]
        tensors = [self._asked[index][1].parts[number].tensors for index, number in places]
        for (index, number), result in zip(places, engine.run(tensors), strict=True):
            example, question = self._asked[index]
            if isinstance(result, MemoryError):
                raise result
            if isinstance(result, Exception):
                self._verdict.refused(example, _said(result))
                continue
            made = self._made.setdefault((index, shape.batch), {})
            made[number] = result
            if len(made) == len(question.parts):
                results = [made[number] for number in range(len(question.parts))]
                del self._made[index, shape.batch]
                try:
                    outputs = self._door.answer(question, results)
                except MemoryError:
                    raise
                except Exception as error:  # whatever it is, a user would get no answer
                    self._verdict.refused(example, _said(error))
                    continue
                padded = any(self._sizes(part.tensors) != shape.axes for part in question.parts)
                self._verdict.answered(example, outputs, self._door.face.labels, bucket.name, padded)

    def _ask(self, example: Example) -> Question | None:
        request: dict[str, Any] = {
            name: np.array(rows, dtype=np.object_)[:, None] for name, rows in example.inputs.items()
        }
        try:
            question = self._door.ask(request, example.truncation)
        except RefusedError as refused:
            if not example.refused:
                self._verdict.refused(example, str(refused))
            return None
        except MemoryError:
            raise
        except Exception as error:  # as in `run`
            self._verdict.refused(example, _said(error))
            return None
        if example.refused:
            self._verdict.not_refused(example)
            return None
        return question

    def _shape(self, bucket: Bucket) -> Shape:
        return Shape(bucket.batch, tuple(bucket.axes[axis] for axis in self._axes))

    def _falls_to(self, tensors: Mapping[str, Array]) -> tuple[int, ...]:
        """The axes of the buckets that take a part."""
        return choose(self._compiled, self._sizes(tensors))

    def _sizes(self, tensors: Mapping[str, Array]) -> tuple[int, ...]:
        """The axes that a part has before it is padded."""
        sizes: dict[str, int] = {}
        for feature in self._signature.inputs:
            if feature.name in tensors:
                for dim, size in zip(feature.dims, tensors[feature.name].shape[1:], strict=True):
                    if isinstance(dim, str):
                        sizes[dim] = size
        return tuple(sizes[axis] for axis in self._axes)


def _said(error: Exception) -> str:
    """The last line of what an error says, which is the one that tells."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[-1][:200]
