"""Which compiled calls answer a batch of requests: numbers only, no tensors."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """Rows and tokens of a request, or of a compiled bucket: the tensor shape [batch, sequence]."""

    batch: int
    sequence: int


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


def longest(buckets: Sequence[Shape]) -> int:
    """Return the longest sequence any bucket takes, in tokens."""
    return max(bucket.sequence for bucket in buckets)


def choose(buckets: Sequence[Shape], sequence: int) -> int:
    """Return the index of the smallest bucket that takes the sequence. Raises ValueError where none does."""
    fitting = [index for index, bucket in enumerate(buckets) if bucket.sequence >= sequence]
    if not fitting:
        raise ValueError(f"no bucket takes {sequence} tokens; the longest takes {longest(buckets)}")
    return min(fitting, key=lambda index: (buckets[index].sequence, buckets[index].batch))


def plan(buckets: Sequence[Shape], requests: Sequence[Shape]) -> tuple[Call, ...]:
    """Return the calls that together run every row of every request once.

    Requests of the same bucket share calls, so as few calls are made as the compiled batch allows; a request
    with more rows than that is split. Rows keep their order.
    """
    slots: dict[int, list[list[Slot]]] = {}
    room: dict[int, int] = {}
    for index, request in enumerate(requests):
        bucket = choose(buckets, request.sequence)
        start = 0
        while start < request.batch:
            if not room.get(bucket):
                slots.setdefault(bucket, []).append([])
                room[bucket] = buckets[bucket].batch
            stop = min(request.batch, start + room[bucket])
            slots[bucket][-1].append(Slot(index, start, stop))
            room[bucket] -= stop - start
            start = stop
    return tuple(Call(bucket, tuple(call)) for bucket, calls in slots.items() for call in calls)
