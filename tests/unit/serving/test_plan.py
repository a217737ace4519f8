"""Which compiled calls answer a batch of requests."""

from collections.abc import Sequence

import pytest
from neuron_serving import plan as planning
from neuron_serving.plan import Call, Shape, Slot, choose, cover


def plan(buckets: Sequence[Shape], requests: Sequence[Shape]) -> tuple[Call, ...]:
    """The calls where one costs what it computes."""
    return planning.plan(buckets, [float(bucket.batch * bucket.axes[0]) for bucket in buckets], requests)


SHORT_AND_LONG = (Shape(4, (32,)), Shape(4, (128,)))


@pytest.mark.parametrize(
    ("sequence", "chosen"),
    [(1, 32), (31, 32), (32, 32), (33, 128), (127, 128), (128, 128)],
)
def test_the_smallest_length_that_fits_is_chosen(sequence: int, chosen: int) -> None:
    assert choose(SHORT_AND_LONG, (sequence,)) == (chosen,)


def test_the_order_of_the_buckets_does_not_matter() -> None:
    assert choose((Shape(1, (512,)), Shape(1, (64,)), Shape(1, (128,))), (65,)) == (128,)


def test_a_length_no_bucket_takes_is_refused() -> None:
    with pytest.raises(ValueError, match="129"):
        choose(SHORT_AND_LONG, (129,))


def test_a_model_without_axes_has_one_group_of_buckets() -> None:
    assert choose((Shape(1), Shape(4)), ()) == ()


@pytest.mark.parametrize(
    ("rows", "batches"),
    [
        (1, [1]),
        (2, [4]),
        (3, [4]),
        (4, [4]),
        (5, [4, 1]),
        (8, [8]),
        (9, [8, 1]),
        (13, [8, 4, 1]),
        (16, [8, 8]),
    ],
)
def test_rows_are_covered_by_the_cheapest_calls_the_largest_first(rows: int, batches: list[int]) -> None:
    options = ((1, 10.0), (4, 15.0), (8, 25.0))
    assert [options[index][0] for index in cover(rows, options)] == batches


def test_a_large_call_that_costs_more_than_small_ones_is_not_made() -> None:
    assert cover(8, ((1, 1.0), (8, 20.0))) == (0,) * 8


def test_no_requests_need_no_calls() -> None:
    assert plan(SHORT_AND_LONG, ()) == ()


def test_requests_of_one_bucket_share_a_call() -> None:
    calls = plan(SHORT_AND_LONG, (Shape(1, (8,)), Shape(2, (20,)), Shape(1, (32,))))
    assert calls == (Call(0, (Slot(0, 0, 1), Slot(1, 0, 2), Slot(2, 0, 1))),)


def test_requests_of_different_buckets_are_called_apart() -> None:
    calls = plan(SHORT_AND_LONG, (Shape(1, (8,)), Shape(1, (100,)), Shape(1, (9,))))
    assert calls == (Call(0, (Slot(0, 0, 1), Slot(2, 0, 1))), Call(1, (Slot(1, 0, 1),)))


def test_a_request_with_more_rows_than_compiled_is_split() -> None:
    calls = plan(SHORT_AND_LONG, (Shape(9, (8,)),))
    assert calls == (Call(0, (Slot(0, 0, 4),)), Call(0, (Slot(0, 4, 8),)), Call(0, (Slot(0, 8, 9),)))


def test_a_split_request_fills_the_room_another_leaves() -> None:
    calls = plan(SHORT_AND_LONG, (Shape(3, (8,)), Shape(3, (8,))))
    assert calls == (Call(0, (Slot(0, 0, 3), Slot(1, 0, 1))), Call(0, (Slot(1, 1, 3),)))


@pytest.mark.parametrize("batch", [1, 2, 3, 8])
@pytest.mark.parametrize("rows", [(1,), (1, 1, 1), (5, 2, 7), (8, 8), (16, 1)])
def test_every_row_is_run_exactly_once_and_no_call_exceeds_its_bucket(
    batch: int, rows: tuple[int, ...]
) -> None:
    buckets = (Shape(batch, (16,)), Shape(batch, (64,)))
    requests = [Shape(count, (16 if index % 2 else 64,)) for index, count in enumerate(rows)]
    calls = plan(buckets, requests)
    run = [
        (slot.request, row) for call in calls for slot in call.slots for row in range(slot.start, slot.stop)
    ]
    assert sorted(run) == [(index, row) for index, count in enumerate(rows) for row in range(count)]
    assert all(sum(slot.stop - slot.start for slot in call.slots) <= batch for call in calls)
