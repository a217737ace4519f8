"""The metrics of the model in one of TorchServe's workers.

Workers are processes of their own: prometheus_client shares their numbers in files, in the directory that
PROMETHEUS_MULTIPROC_DIR names before this module is imported. Source: its documentation, "Multiprocess mode".
"""

from neuron_artifact import Manifest
from neuron_serving import metricnames
from neuron_serving.counting import Counts
from prometheus_client import CollectorRegistry, Counter, Gauge

_LABELS = ("model", "door")


class Counters:
    """The metrics of the tensor model `model`, whose artifact took `seconds` to load."""

    def __init__(self, model: str, manifest: Manifest, seconds: float) -> None:
        self.registry = CollectorRegistry()
        self._door = (model, "tensor")
        self._requests = self._counter(metricnames.REQUESTS).labels(*self._door)
        failures = self._counter(metricnames.FAILURES, "class")
        self._invalid = failures.labels(*self._door, "invalid")
        self._internal = failures.labels(*self._door, "internal")
        self._batches = self._counter(metricnames.BATCHES).labels(*self._door)
        self._rows = self._counter(metricnames.BATCH_ROWS).labels(*self._door)
        self._padding_rows = self._counter(metricnames.PADDING_ROWS).labels(*self._door)
        self._seconds = self._counter(metricnames.COMPUTE_SECONDS).labels(*self._door)
        artifact = metricnames.artifact_labels(manifest)
        self._gauge(metricnames.ARTIFACT_INFO, *artifact).labels(*self._door, *artifact.values()).set(1)
        self._gauge(metricnames.LOAD_SECONDS).labels(*self._door).set(seconds)

    def add(self, counts: Counts) -> None:
        """Add what a batch of requests took."""
        self._requests.inc(counts.requests)
        self._invalid.inc(counts.invalid)
        self._internal.inc(counts.internal)
        self._batches.inc(counts.batches)
        self._rows.inc(counts.rows)
        self._padding_rows.inc(counts.padding_rows)
        self._seconds.inc(counts.seconds)

    def _counter(self, named: tuple[str, str], *labels: str) -> Counter:
        return Counter(*named, (*_LABELS, *labels), registry=self.registry)

    def _gauge(self, named: tuple[str, str], *labels: str) -> Gauge:
        # The last worker's, as its processes leave files behind when they end.
        return Gauge(*named, (*_LABELS, *labels), registry=self.registry, multiprocess_mode="mostrecent")
