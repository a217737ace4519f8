"""A model's metrics among Triton's own, on its metrics port.

Source: triton-inference-server/python_backend, README, "Custom Metrics". Processes that name the same metric
and labels share it.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import triton_python_backend_utils as pb_utils
from neuron_artifact import Manifest
from neuron_serving import metricnames
from neuron_serving.counting import Counts


class Metrics:
    """The metrics of the tensor model `model`.

    Each change is a message to tritonserver and back, some 50 microseconds: a thread sends them, so that no
    request waits for them.
    """

    def __init__(self, model: str) -> None:
        self._sender = ThreadPoolExecutor(max_workers=1)
        self._labels = {"model": model, "door": "tensor"}
        # A metric is valid only for as long as its family is.
        self._families: list[Any] = []
        self._requests = self._counter(metricnames.REQUESTS)
        self._invalid = self._counter(metricnames.FAILURES, {"class": "invalid"})
        self._internal = self._counter(metricnames.FAILURES, {"class": "internal"})
        self._batches = self._counter(metricnames.BATCHES)
        self._rows = self._counter(metricnames.BATCH_ROWS)
        self._padding_rows = self._counter(metricnames.PADDING_ROWS)
        self._seconds = self._counter(metricnames.COMPUTE_SECONDS)

    def loaded(self, manifest: Manifest, seconds: float) -> None:
        """Tell what is served, and how long loading it took."""
        gauge = pb_utils.MetricFamily.GAUGE
        artifact = metricnames.artifact_labels(manifest)
        self._info = self._metric(metricnames.ARTIFACT_INFO, gauge, artifact)
        self._info.set(1)
        self._load_seconds = self._metric(metricnames.LOAD_SECONDS, gauge, {})
        self._load_seconds.set(seconds)

    def add(self, counts: Counts) -> None:
        """Add what a batch of requests took, soon."""
        self._sender.submit(self._send, counts)

    def close(self) -> None:
        """Send what is left."""
        self._sender.shutdown()

    def _send(self, counts: Counts) -> None:
        for metric, amount in (
            (self._requests, counts.requests),
            (self._invalid, counts.invalid),
            (self._internal, counts.internal),
            (self._batches, counts.batches),
            (self._rows, counts.rows),
            (self._padding_rows, counts.padding_rows),
            (self._seconds, counts.seconds),
        ):
            if amount:
                metric.increment(amount)

    def _counter(self, named: tuple[str, str], labels: Mapping[str, str] | None = None) -> Any:
        return self._metric(named, pb_utils.MetricFamily.COUNTER, labels or {})

    def _metric(self, named: tuple[str, str], kind: Any, labels: Mapping[str, str]) -> Any:
        name, description = named
        family = pb_utils.MetricFamily(name=name, description=description, kind=kind)
        self._families.append(family)
        return family.Metric(labels={**self._labels, **labels})
