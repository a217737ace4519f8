"""The work queue, in fake time."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise

from neuron_operator.execution.workqueue import WorkQueue

Handler = Callable[[str], Awaitable[float | None]]


async def _run(
    handle: Handler, drive: Callable[[WorkQueue[str]], None], *, seconds: float, workers: int = 4
) -> None:
    """Let a queue work for so many seconds after `drive` has added its keys."""
    queue = WorkQueue(handle, workers=workers)
    working = asyncio.create_task(queue.run())
    drive(queue)
    await asyncio.wait([working], timeout=seconds)
    working.cancel()
    await asyncio.wait([working])


def _now() -> float:
    return asyncio.get_running_loop().time()


def _add(*keys: str) -> Callable[[WorkQueue[str]], None]:
    def drive(queue: WorkQueue[str]) -> None:
        for key in keys:
            queue.add(key)

    return drive


async def _work_for(seconds: float) -> None:
    finished = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, finished.set)
    await finished.wait()


def test_a_key_added_many_times_is_handled_once(fake_time: asyncio.Runner) -> None:
    handled: list[str] = []

    async def handle(key: str) -> float | None:
        handled.append(key)
        return None

    fake_time.run(_run(handle, _add("a", "a", "b", "a"), seconds=100))
    assert handled == ["a", "b"]


def test_a_key_that_waits_for_a_worker_is_not_handled_again_for_a_delay(fake_time: asyncio.Runner) -> None:
    handled: list[str] = []

    async def handle(key: str) -> float | None:
        handled.append(key)
        return None

    def drive(queue: WorkQueue[str]) -> None:
        queue.add("a")
        queue.add_after(1, "a")
        queue.add_after(1, "b")
        queue.add_after(5, "b")

    fake_time.run(_run(handle, drive, seconds=100))
    assert handled == ["a", "b"]


def test_a_key_that_must_not_come_before_a_time_is_not_woken_before_it(fake_time: asyncio.Runner) -> None:
    handled: list[float] = []

    class Asked(Exception):
        retry_after = 30.0

    async def handle(key: str) -> float | None:
        handled.append(_now())
        if len(handled) == 1:
            queues[0].add(key)
            raise Asked
        return None

    queues: list[WorkQueue[str]] = []

    def drive(queue: WorkQueue[str]) -> None:
        queues.append(queue)
        queue.add("a")
        loop = asyncio.get_running_loop()
        loop.call_later(10, queue.add, "a")
        loop.call_later(20, queue.add_after, 1, "a")
        loop.call_later(40, queue.add, "a")

    fake_time.run(_run(handle, drive, seconds=100))
    assert handled == [0, 30, 40]


def test_a_key_is_never_handled_twice_at_once_and_once_more_when_it_was_woken(
    fake_time: asyncio.Runner,
) -> None:
    spans: list[tuple[float, float]] = []
    queues: list[WorkQueue[str]] = []

    async def handle(key: str) -> float | None:
        started = _now()
        if len(spans) == 0:
            queues[0].add(key)
            queues[0].add(key)
        await _work_for(5)
        spans.append((started, _now()))
        return None

    def drive(queue: WorkQueue[str]) -> None:
        queues.append(queue)
        queue.add("a")

    fake_time.run(_run(handle, drive, seconds=100))
    assert spans == [(0, 5), (5, 10)]


def test_different_keys_are_handled_side_by_side_up_to_the_number_of_workers(
    fake_time: asyncio.Runner,
) -> None:
    starts: dict[str, float] = {}

    async def handle(key: str) -> float | None:
        starts[key] = _now()
        await _work_for(10)
        return None

    fake_time.run(_run(handle, _add("a", "b", "c"), seconds=100, workers=2))
    assert starts == {"a": 0, "b": 0, "c": 10}


def test_failures_are_tried_again_after_growing_delays_up_to_five_minutes(fake_time: asyncio.Runner) -> None:
    times: list[float] = []

    async def handle(key: str) -> float | None:
        times.append(_now())
        raise RuntimeError("no luck")

    fake_time.run(_run(handle, _add("a"), seconds=3600))
    delays = [later - earlier for earlier, later in pairwise(times)]
    assert delays[:4] == [0.5, 1.0, 2.0, 4.0]
    assert delays == sorted(delays)
    assert delays[-1] == 300


def test_a_success_ends_the_growth_of_delays(fake_time: asyncio.Runner) -> None:
    times: list[float] = []

    async def handle(key: str) -> float | None:
        times.append(_now())
        if len(times) != 3:
            raise RuntimeError("no luck")
        return 10

    fake_time.run(_run(handle, _add("a"), seconds=12.2))
    assert times == [0, 0.5, 1.5, 11.5, 12.0]


def test_a_failing_key_does_not_hold_up_the_others(fake_time: asyncio.Runner) -> None:
    handled: list[str] = []

    async def handle(key: str) -> float | None:
        handled.append(key)
        if key == "a":
            raise RuntimeError("no luck")
        return None

    fake_time.run(_run(handle, _add("a", "b"), seconds=0.1, workers=1))
    assert handled == ["a", "b"]


def test_a_requested_delay_brings_the_key_back(fake_time: asyncio.Runner) -> None:
    times: list[float] = []

    async def handle(key: str) -> float | None:
        times.append(_now())
        return 60 if len(times) < 3 else None

    fake_time.run(_run(handle, _add("a"), seconds=3600))
    assert times == [0, 60, 120]


def test_of_several_delays_the_shortest_counts_and_being_woken_cancels_them(
    fake_time: asyncio.Runner,
) -> None:
    times: list[float] = []

    async def handle(key: str) -> float | None:
        times.append(_now())
        return None

    def drive(queue: WorkQueue[str]) -> None:
        queue.add_after(30, "a")
        queue.add_after(20, "a")
        queue.add_after(40, "a")
        queue.add_after(50, "b")
        queue.add("b")

    fake_time.run(_run(handle, drive, seconds=3600))
    assert times == [0, 20]


def test_depth_counts_the_keys_that_wait(fake_time: asyncio.Runner) -> None:
    depths: list[int] = []
    queues: list[WorkQueue[str]] = []

    async def handle(key: str) -> float | None:
        depths.append(queues[0].depth)
        return None

    def drive(queue: WorkQueue[str]) -> None:
        queues.append(queue)
        _add("a", "b", "c")(queue)

    fake_time.run(_run(handle, drive, seconds=1, workers=1))
    assert depths == [2, 1, 0]


async def test_a_queue_is_stuck_only_while_keys_wait_and_no_worker_moves() -> None:
    release = asyncio.Event()
    begun = asyncio.Event()

    async def handle(_: str) -> None:
        begun.set()
        await release.wait()

    queue = WorkQueue(handle, workers=1)
    queue.add("early")
    assert queue.stuck_seconds() == 0.0  # Nobody works yet: a replica that waits is not stuck.
    task = asyncio.create_task(queue.run())
    await asyncio.wait_for(begun.wait(), 10)
    assert queue.stuck_seconds() > 0.0
    release.set()
    task.cancel()
    await asyncio.wait([task])
    assert queue.stuck_seconds() == 0.0
