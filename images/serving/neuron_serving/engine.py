"""The loaded buckets of one artifact, and a batch of requests run through them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from neuron_serving.plan import Shape, plan
from neuron_serving.signature import Signature
from neuron_serving.tensornames import SEQUENCE
from neuron_serving.tensors import Array, RefusedError, assemble, check, completed, parts

# Runs one bucket: inputs [batch, ...] in the manifest's order -> outputs [batch, ...] in its order.
Bucket = Callable[[Sequence[Array]], Sequence[Array]]


@dataclass(frozen=True)
class Engine:
    """Buckets with their compiled shapes and what a call of each costs (see `plan`), in the same order."""

    signature: Signature
    shapes: tuple[Shape, ...]
    costs: tuple[float, ...]
    buckets: tuple[Bucket, ...]

    def run(self, requests: Sequence[Mapping[str, Array]]) -> list[dict[str, Array] | Exception]:
        """Answer every request: its outputs by name, or why there are none.

        A request holds input tensors [batch, ...] by name. One that is RefusedError does not disturb the
        others; a call that fails takes those it was made for with it.
        """
        results: list[dict[str, Array] | Exception] = []
        accepted: list[int] = []
        tensors: list[dict[str, Array]] = []
        asked: list[Shape] = []
        for index, request in enumerate(requests):
            results.append({})
            try:
                complete = completed(request, self.signature)
                asked.append(check(complete, self.signature))
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
        tokens = self.signature.axes == (SEQUENCE,)
        lengths = [shape.axes[0] if tokens else None for shape in asked]
        pieces: list[dict[str, list[Array]]] = [{name: [] for name in self.signature.outputs} for _ in asked]
        failures: dict[int, Exception] = {}
        for call in plan(self.shapes, self.costs, asked):
            arguments = [
                assemble(
                    call,
                    self.shapes[call.bucket],
                    [each[feature.name] for each in tensors],
                    feature.pad,
                )
                for feature in self.signature.inputs
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
