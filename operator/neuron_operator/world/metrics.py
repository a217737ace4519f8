"""What the operator tells Prometheus about itself."""

import logging
import os
from collections import Counter as Tally
from collections.abc import Hashable

from prometheus_client import Counter, Gauge, Histogram, start_http_server

logger = logging.getLogger(__name__)

PORT_VARIABLE = "NEURON_OPERATOR_METRICS_PORT"
DEFAULT_PORT = 9090

RECONCILES = Counter("neuron_operator_reconciles_total", "Reconciles that ended well.", ["kind"])
RECONCILE_ERRORS = Counter(
    "neuron_operator_reconcile_errors_total", "Reconciles that ended in an error.", ["kind"]
)
RECONCILE_SECONDS = Histogram(
    "neuron_operator_reconcile_seconds",
    "Duration of a reconcile.",
    ["kind"],
    buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30),
)
LAST_RECONCILE = Gauge(
    "neuron_operator_last_reconcile_timestamp_seconds", "When a reconcile last ended well.", ["kind"]
)
QUEUE_DEPTH = Gauge("neuron_operator_queue_depth", "Keys that wait for a worker.")
API_WRITES = Counter("neuron_operator_api_writes_total", "Writes sent to the API server.", ["verb", "kind"])
TASK_FAILURES = Counter(
    "neuron_operator_task_failures_total",
    "Times that following logs or sweeping ended and began again.",
    ["task"],
)
LEADING = Gauge("neuron_operator_leading", "1 where this replica leads, 0 where it waits.")
CONTESTED = Gauge(
    "neuron_operator_contested_namespaces", "Watched namespaces in which another installation works."
)
MODELS = Gauge("neuron_operator_neuronmodels", "NeuronModels by phase.", ["phase"])
ARTIFACTS = Gauge("neuron_operator_neuronartifacts", "NeuronArtifacts by phase.", ["phase"])


class Phases:
    """Keeps a gauge of resources by phase."""

    def __init__(self, gauge: Gauge) -> None:
        self._gauge = gauge
        self._phases: dict[Hashable, str] = {}
        self._tally: Tally[str] = Tally()

    def record(self, key: Hashable, phase: str | None) -> None:
        """The resource is now in that phase; None: it is gone."""
        before = self._phases.pop(key, None)
        if phase is not None:
            self._phases[key] = phase
        if before == phase:
            return
        for changed, by in ((before, -1), (phase, 1)):
            if changed is not None:
                self._tally[changed] += by
                self._gauge.labels(phase=changed).set(self._tally[changed])


def serve() -> None:
    """Serve /metrics on port 9090, or on the port named in the environment (0: not at all).

    A port that cannot be used is logged and not fatal: serving models matters more than being watched.
    """
    port = os.environ.get(PORT_VARIABLE, str(DEFAULT_PORT))
    if port == "0":
        return
    try:
        start_http_server(int(port))
    except (OSError, ValueError) as error:
        logger.warning("no metrics on port %s (%s): name another in %s", port, error, PORT_VARIABLE)
