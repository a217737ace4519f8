"""The loaded buckets of one artifact, and a batch of requests run through them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from neuron_serving.plan import Shape, plan
from neuron_serving.tensors import Array, Limits, RefusedError, assemble, check, completed, parts

# Runs one bucket: inputs [batch, sequence] in the manifest's order -> outputs [batch, ...] in its order.
Bucket = Callable[[Sequence[Array]], Sequence[Array]]


@dataclass(frozen=True)
class Signature:
    """What is public of a model: inputs in calling order, their padding, outputs with dims without batch."""

    inputs: tuple[str, ...]
    pad: Mapping[str, int]
    outputs: Mapping[str, tuple[int | str, ...]]
    limits: Limits


@dataclass(frozen=True)
class Engine:
    """Buckets with their compiled shapes, in the same order."""

    signature: Signature
    shapes: tuple[Shape, ...]
    buckets: tuple[Bucket, ...]

    def run(self, requests: Sequence[Mapping[str, Array]]) -> list[dict[str, Array] | Exception]:
        """Answer every request: its outputs by name, or why there are none.

        A request holds input tensors [batch, sequence] by name. One that is RefusedError does not disturb the
        others; a call that fails takes those it was made for with it.
        """
        results: list[dict[str, Array] | Exception] = []
        accepted: list[int] = []
        tensors: list[dict[str, Array]] = []
        asked: list[Shape] = []
        for index, request in enumerate(requests):
            results.append({})
            try:
                complete = completed(request, self.signature.inputs)
                asked.append(check(complete, self.signature.limits))
            except RefusedError as refused:
                results[index] = refused
                continue
            accepted.append(index)
            tensors.append(complete)
        for position, answer in enumerate(self._answers(tensors, asked)):
            results[accepted[position]] = answer
        return results

    def _answers(
        self, tensors: Sequence[Mapping[str, Array]], asked: Sequence[Shape]
    ) -> list[dict[str, Array] | Exception]:
        lengths = [shape.sequence for shape in asked]
        pieces: list[dict[str, list[Array]]] = [{name: [] for name in self.signature.outputs} for _ in asked]
        failures: dict[int, Exception] = {}
        for call in plan(self.shapes, asked):
            arguments = [
                assemble(call, self.shapes[call.bucket], [each[name] for each in tensors], pad)
                for name, pad in ((name, self.signature.pad[name]) for name in self.signature.inputs)
            ]
            try:
                outputs = self.buckets[call.bucket](arguments)
            # Whatever a compiled module raises belongs to these requests; the process goes on serving others.
            except Exception as error:
                failures.update((slot.request, error) for slot in call.slots)
                continue
            for (name, dims), output in zip(self.signature.outputs.items(), outputs, strict=True):
                for slot, part in zip(call.slots, parts(call, output, dims, lengths), strict=True):
                    pieces[slot.request][name].append(part)
        return [
            failures.get(index) or {name: _joined(found) for name, found in by_name.items()}
            for index, by_name in enumerate(pieces)
        ]


def _joined(found: Sequence[Array]) -> Array:
    return np.ascontiguousarray(found[0]) if len(found) == 1 else np.concatenate(found)
