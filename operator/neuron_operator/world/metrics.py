"""What the operator tells Prometheus about itself."""

import logging
import os
import socket
from collections import Counter as Tally
from collections.abc import Callable, Hashable

from prometheus_client import Counter, Gauge, Histogram, start_http_server

from neuron_operator.artifacts.figures import Ending
from neuron_operator.reading.objects import Object

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
    "Times that work beside the reconciles (following logs, comparing with lists) ended and began again.",
    ["task"],
)
MISSED_CHANGES = Counter(
    "neuron_operator_missed_changes_total",
    "Changes that a watch has not told of and a comparison with the API server's list has found.",
    ["kind"],
)
LEADING = Gauge("neuron_operator_leading", "1 where this replica leads, 0 where it waits.")
CONTESTED = Gauge(
    "neuron_operator_contested_namespaces", "Watched namespaces in which another installation works."
)
FORBIDDEN = Gauge("neuron_operator_forbidden_namespaces", "Watched namespaces that may not be read.")
MODELS = Gauge("neuron_operator_neuronmodels", "NeuronModels by phase.", ["phase"])
ARTIFACTS = Gauge("neuron_operator_neuronartifacts", "NeuronArtifacts by phase.", ["phase"])
IMAGE_OUTDATED = Gauge(
    "neuron_operator_neuronmodels_image_outdated",
    "NeuronModels whose servers run another image than the chart's.",
    ["reason"],
)
COMPILE_SECONDS = Histogram(
    "neuron_operator_compile_seconds",
    "Duration of a step of a compile that ended well.",
    ["target", "step"],
    buckets=(1, 3, 10, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400),
)
COMPILE_FAILURES = Counter(
    "neuron_operator_compile_failures_total", "Compiles and verifications that failed.", ["target", "reason"]
)
GATES = Counter(
    "neuron_operator_gate_results_total",
    "Artifacts that were measured, by gate (parity, benchmark) and result (passed, missed).",
    ["gate", "result"],
)


class Census:
    """Keeps a gauge of resources by one thing that their status says.

    Args:
        gauge: a gauge with one label.
        said: what a status says; None where it does not count.
    """

    def __init__(self, gauge: Gauge, said: Callable[[Object], str | None]) -> None:
        self._gauge = gauge
        self._said = said
        self._known: dict[Hashable, str] = {}
        self._tally: Tally[str] = Tally()

    def record(self, key: Hashable, status: Object | None) -> None:
        """The resource has that status now; None: it is gone."""
        before = self._known.pop(key, None)
        after = None if status is None else self._said(status)
        if after is not None:
            self._known[key] = after
        if before == after:
            return
        for value, by in ((before, -1), (after, 1)):
            if value is not None:
                self._tally[value] += by
                self._gauge.labels(value).set(self._tally[value])


def count_ending(ending: Ending) -> None:
    """Count what has come of a Job."""
    for step, seconds in ending.seconds.items():
        COMPILE_SECONDS.labels(ending.target, step).observe(seconds)
    for gate, passed in ending.passed.items():
        GATES.labels(gate, "passed" if passed else "missed").inc()
    if ending.failure is not None:
        COMPILE_FAILURES.labels(ending.target, ending.failure.value).inc()


def phase_of(status: Object) -> str | None:
    """The phase that a status says."""
    return str(status["phase"])


def serve() -> None:
    """Serve /metrics on port 9090, or on the port named in the environment (0: not at all).

    A port that cannot be used is logged and not fatal: serving models matters more than being watched.
    """
    port = os.environ.get(PORT_VARIABLE, str(DEFAULT_PORT))
    if port == "0":
        return
    try:
        start_http_server(int(port), addr="::" if socket.has_dualstack_ipv6() else "0.0.0.0")  # noqa: S104
    except (OSError, ValueError) as error:
        logger.warning("no metrics on port %s (%s): name another in %s", port, error, PORT_VARIABLE)
