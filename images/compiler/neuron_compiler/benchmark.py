"""How fast a model is: latency and throughput of one bucket, one call at a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from neuron_artifact import Benchmark

from neuron_compiler.metrics import percentile
from neuron_compiler.tasks import Tensors

_WARM_UP_CALLS = 3


@dataclass(frozen=True)
class Timing:
    """Latencies of single calls in seconds, in order."""

    seconds: tuple[float, ...]

    @property
    def calls_per_second(self) -> float:
        """Calls a second, one after the other."""
        return len(self.seconds) / sum(self.seconds)


def measure(call: Callable[..., object], inputs: Tensors, seconds: float) -> Timing:
    """Calls the model again and again for `seconds`, and at least once, after a warm-up.

    TorchScript optimises in its first calls, so those don't count.
    """
    for _ in range(_WARM_UP_CALLS):
        call(*inputs)
    latencies: list[float] = []
    started = time.perf_counter()
    while not latencies or time.perf_counter() - started < seconds:
        begin = time.perf_counter()
        call(*inputs)
        latencies.append(time.perf_counter() - begin)
    return Timing(tuple(latencies))


def report(bucket: str, batch: int, seconds: float, compiled: Timing, eager: Timing) -> Benchmark:
    """The benchmark of a bucket; throughputs count rows a second."""
    throughput, baseline = batch * compiled.calls_per_second, batch * eager.calls_per_second
    return Benchmark(
        bucket=bucket,
        seconds=seconds,
        p50_milliseconds=round(1000 * percentile(compiled.seconds, 0.50), 3),
        p90_milliseconds=round(1000 * percentile(compiled.seconds, 0.90), 3),
        p99_milliseconds=round(1000 * percentile(compiled.seconds, 0.99), 3),
        throughput_per_second=round(throughput, 3),
        cpu_baseline_per_second=round(baseline, 3),
        speed_up=round(throughput / baseline, 3),
    )
