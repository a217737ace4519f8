"""How fast a model is: latency and throughput, some calls at a time; and what that costs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from neuron_artifact import Benchmark, Bucket, Measurement

from neuron_compiler.metrics import percentile
from neuron_compiler.request import BenchmarkOrder, Thresholds
from neuron_compiler.tasks.task import Tensors

_WARM_UP_CALLS = 3


@dataclass(frozen=True)
class Timing:
    """Latencies of calls in seconds, and the seconds that all of them took together."""

    latencies: tuple[float, ...]
    elapsed: float

    @property
    def calls_per_second(self) -> float:
        """Calls a second, all callers together."""
        return len(self.latencies) / self.elapsed


def measure(call: Callable[..., object], inputs: Tensors, seconds: float, concurrency: int = 1) -> Timing:
    """Calls the model again and again for `seconds`, and at least once in each of `concurrency` threads,
    after a warm-up.

    TorchScript optimises in its first calls, so those don't count.
    """
    for _ in range(_WARM_UP_CALLS):
        call(*inputs)
    if concurrency == 1:
        started = time.perf_counter()
        latencies = _call_until(call, inputs, started + seconds)
        return Timing(tuple(latencies), time.perf_counter() - started)
    together = threading.Barrier(concurrency + 1)

    def caller() -> list[float]:
        together.wait()
        return _call_until(call, inputs, time.perf_counter() + seconds)

    with ThreadPoolExecutor(concurrency) as pool:
        callers = [pool.submit(caller) for _ in range(concurrency)]
        together.wait()
        started = time.perf_counter()
        latencies = [latency for each in callers for latency in each.result()]
        return Timing(tuple(latencies), time.perf_counter() - started)


def _call_until(call: Callable[..., object], inputs: Tensors, end: float) -> list[float]:
    import torch

    latencies: list[float] = []
    # The mode belongs to a thread.
    with torch.inference_mode():
        while not latencies or time.perf_counter() < end:
            begin = time.perf_counter()
            call(*inputs)
            latencies.append(time.perf_counter() - begin)
    return latencies


def measurement(bucket: Bucket, concurrency: int, timing: Timing, baseline: float) -> Measurement:
    """The figures of one bucket; `baseline` is the eager model's rows a second."""
    return Measurement(
        bucket=bucket.name,
        concurrency=concurrency,
        p50_milliseconds=round(1000 * percentile(timing.latencies, 0.50), 3),
        p90_milliseconds=round(1000 * percentile(timing.latencies, 0.90), 3),
        p99_milliseconds=round(1000 * percentile(timing.latencies, 0.99), 3),
        throughput_per_second=round(bucket.batch * timing.calls_per_second, 3),
        cpu_baseline_per_second=round(baseline, 3),
    )


def report(measurements: Sequence[Measurement], load_seconds: float, order: BenchmarkOrder) -> Benchmark:
    """The benchmark of an artifact, whose largest bucket was measured last."""
    largest = [each for each in measurements if each.bucket == measurements[-1].bucket]
    main = max(largest, key=lambda each: each.throughput_per_second)
    price = order.price_per_hour
    return Benchmark(
        main=main,
        seconds=order.seconds,
        load_seconds=round(load_seconds, 3),
        cost_per_million=None if price is None else round(price / 3600 * 1e6 / main.throughput_per_second, 6),
        passed=not missed(main, order.thresholds),
        buckets=tuple(measurements),
    )


def missed(main: Measurement, thresholds: Thresholds) -> list[str]:
    """The thresholds that the measurement misses, each as a phrase with both numbers."""
    found = []
    limit = thresholds.p99_milliseconds
    if limit is not None and main.p99_milliseconds > limit:
        found.append(f"p99 is {main.p99_milliseconds} ms, and {limit:g} ms is allowed")
    limit = thresholds.throughput_per_second
    if limit is not None and main.throughput_per_second < limit:
        found.append(f"throughput is {main.throughput_per_second} rows a second, and {limit:g} is demanded")
    speed_up = main.throughput_per_second / main.cpu_baseline_per_second
    limit = thresholds.speed_up
    if limit is not None and speed_up < limit:
        found.append(f"the speed-up over eager mode is {speed_up:.2f}, and {limit:g} is demanded")
    return found
