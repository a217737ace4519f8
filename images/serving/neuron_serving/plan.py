"""Which compiled calls answer a batch of requests: numbers only, no tensors."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True)
class Shape:
    """Rows of a request or of a compiled bucket, and the sizes of the model's named axes, in their order.

    A model on text has one axis, its tokens; one on images has height and width; others may have none.
    """

    batch: int
    axes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Slot:
    """Rows start to stop (excluded) of a request, next to one another in a call."""

    request: int
    start: int
    stop: int


@dataclass(frozen=True)
class Call:
    """One run of a bucket; its first rows are the slots' in order, the rest is padding."""

    bucket: int
    slots: tuple[Slot, ...]


def choose(buckets: Sequence[Shape], axes: tuple[int, ...]) -> tuple[int, ...]:
    """Return the smallest compiled axes that take a request's. Raises ValueError where none do."""
    compiled = {bucket.axes for bucket in buckets}
    fitting = [each for each in compiled if all(own <= size for own, size in zip(axes, each, strict=True))]
    if not fitting:
        raise ValueError(f"no bucket takes {list(axes)}")
    return min(fitting, key=lambda each: (math.prod(each), each))


@lru_cache(maxsize=4096)
def cover(rows: int, options: tuple[tuple[int, float], ...]) -> tuple[int, ...]:
    """Return the cheapest runs that together take that many rows, the largest first, as indices of options.

    An option is the rows that one run takes, and what the run costs.
    """
    cheapest: list[tuple[float, tuple[int, ...]]] = [(0.0, ())]
    for count in range(1, rows + 1):
        cheapest.append(
            min(
                (cost + cheapest[max(0, count - size)][0], (*cheapest[max(0, count - size)][1], index))
                for index, (size, cost) in enumerate(options)
            )
        )
    return tuple(sorted(cheapest[rows][1], key=lambda index: -options[index][0]))


def plan(buckets: Sequence[Shape], costs: Sequence[float], requests: Sequence[Shape]) -> tuple[Call, ...]:
    """Return the calls that together run every row of every request once, at the lowest cost.

    costs has the seconds of one call of each bucket, or anything proportional to them. Requests of the same
    axes share calls; a request with more rows than a call takes is split. Rows keep their order.
    """
    groups: dict[tuple[int, ...], list[int]] = {}
    for index, request in enumerate(requests):
        groups.setdefault(choose(buckets, request.axes), []).append(index)
    calls: list[Call] = []
    for axes, members in groups.items():
        fitting = [index for index, bucket in enumerate(buckets) if bucket.axes == axes]
        options = tuple((buckets[index].batch, costs[index]) for index in fitting)
        rows = sum(requests[index].batch for index in members)
        sizes = [fitting[option] for option in cover(rows, options)]
        calls.extend(_fill(sizes, buckets, members, requests))
    return tuple(calls)


def _fill(
    sizes: Sequence[int], buckets: Sequence[Shape], members: Sequence[int], requests: Sequence[Shape]
) -> list[Call]:
    """Deal the rows of the requests out to the runs, in order."""
    left = [Slot(index, 0, requests[index].batch) for index in members]
    calls = []
    for bucket in sizes:
        room, slots = buckets[bucket].batch, []
        while room and left:
            first = left.pop(0)
            stop = min(first.stop, first.start + room)
            slots.append(Slot(first.request, first.start, stop))
            room -= stop - first.start
            if stop < first.stop:
                left.insert(0, Slot(first.request, stop, first.stop))
        calls.append(Call(bucket, tuple(slots)))
    return calls
