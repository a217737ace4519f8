"""What a loaded engine does, counted."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from neuron_serving.engine import Bucket, Engine
from neuron_serving.plan import Shape
from neuron_serving.tensors import Array, RefusedError


@dataclass
class Counts:
    """Requests, those of them that failed, and the calls of compiled modules that were made for them.

    rows are those of requests, padding_rows what filled calls up to the compiled sizes, seconds the time in
    the calls.
    """

    requests: int = 0
    invalid: int = 0
    internal: int = 0
    batches: int = 0
    rows: int = 0
    padding_rows: int = 0
    seconds: float = 0.0


class CountingEngine:
    """Runs an engine. Not for several threads at once."""

    def __init__(self, engine: Engine) -> None:
        self._made = Counts()
        buckets = (
            self._counted(shape, run) for shape, run in zip(engine.shapes, engine.buckets, strict=True)
        )
        self._engine = replace(engine, buckets=tuple(buckets))

    def run(
        self, requests: Sequence[Mapping[str, Array]]
    ) -> tuple[list[dict[str, Array] | Exception], Counts]:
        """Answer the requests as `Engine.run` does, and say what that took."""
        counts = self._made = Counts(requests=len(requests))
        answers = self._engine.run(requests)
        for request, answer in zip(requests, answers, strict=True):
            if isinstance(answer, RefusedError):
                counts.invalid += 1
                continue
            counts.internal += isinstance(answer, Exception)
            counts.rows += next(iter(request.values())).shape[0]
        # Until here every row of a call was taken for padding.
        counts.padding_rows -= counts.rows
        return answers, counts

    def _counted(self, shape: Shape, bucket: Bucket) -> Bucket:
        def run(arguments: Sequence[Array]) -> Sequence[Array]:
            start = time.perf_counter()
            try:
                return bucket(arguments)
            finally:
                self._made.seconds += time.perf_counter() - start
                self._made.batches += 1
                self._made.padding_rows += shape.batch

        return run
