"""What the counters say of a batch of requests; the calls are numpy's, no model is compiled."""

from collections.abc import Sequence

import numpy as np
import pytest
from neuron_serving.counting import CountingEngine
from neuron_serving.engine import Bucket, Engine
from neuron_serving.plan import Shape
from neuron_serving.signature import Feature, Signature
from neuron_serving.tensors import Array, RefusedError

SIGNATURE = Signature(
    inputs=(Feature("input", "FP32", (2,)),), outputs={"output": (2,)}, axes=(), sizes=((),)
)


def double(arguments: Sequence[Array]) -> list[Array]:
    return [2 * arguments[0]]


def fail(arguments: Sequence[Array]) -> list[Array]:
    raise RuntimeError("the compiled module failed")


def engine(batch: int, bucket: Bucket = double) -> CountingEngine:
    return CountingEngine(Engine(SIGNATURE, (Shape(batch),), (1.0,), (bucket,)))


def rows(count: int) -> dict[str, Array]:
    return {"input": np.ones((count, 2), np.float32)}


def test_the_answers_are_the_engines() -> None:
    (answer,), _ = engine(4).run([rows(3)])
    assert isinstance(answer, dict)
    assert answer["output"].tolist() == [[2, 2]] * 3


@pytest.mark.parametrize(
    ("given", "batches", "padding"), [((4,), 1, 0), ((1, 2), 1, 1), ((3, 3), 2, 2), ((9,), 3, 3)]
)
def test_rows_that_fill_a_call_up_are_told_from_those_of_requests(
    given: tuple[int, ...], batches: int, padding: int
) -> None:
    _, counts = engine(4).run([rows(count) for count in given])
    assert (counts.requests, counts.batches) == (len(given), batches)
    assert (counts.rows, counts.padding_rows) == (sum(given), padding)
    assert (counts.invalid, counts.internal) == (0, 0)
    assert counts.seconds > 0


def test_a_refused_request_is_the_clients_failure_and_needs_no_call() -> None:
    (answer,), counts = engine(4).run([{"input": np.ones((1, 3), np.float32)}])
    assert isinstance(answer, RefusedError)
    assert (counts.requests, counts.invalid, counts.internal) == (1, 1, 0)
    assert (counts.batches, counts.rows, counts.padding_rows) == (0, 0, 0)


def test_a_failed_call_is_the_models_failure_and_counts_as_a_call() -> None:
    _, counts = engine(4, fail).run([rows(1), rows(2)])
    assert (counts.requests, counts.invalid, counts.internal) == (2, 0, 2)
    assert (counts.batches, counts.rows, counts.padding_rows) == (1, 3, 1)


def test_every_run_counts_anew() -> None:
    counted = engine(4)
    counted.run([rows(4)])
    _, counts = counted.run([rows(2)])
    assert (counts.requests, counts.batches, counts.rows, counts.padding_rows) == (1, 1, 2, 2)
