"""The metrics that tell of one NeuronModel or NeuronArtifact each: their names, labels and what they say.

Each resource has a handful of series, whatever happens to it, and none when it is gone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Family:
    """A metric.

    Attributes:
        name: its name.
        says: what it tells, for its HELP line.
        labels: beside the namespace and the resource's name.
    """

    name: str
    says: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sample:
    """One value of a metric, with the values of its own labels."""

    family: Family
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


_MODEL = "neuron_operator_neuronmodel"
_ARTIFACT = "neuron_operator_neuronartifact"

MODEL_INFO = Family(
    f"{_MODEL}_info",
    "Always 1; its labels name the artifact that is served.",
    ("target", "runtime", "artifact", "digest", "backend", "precision"),
)
MODEL_PHASE = Family(
    f"{_MODEL}_phase",
    "Always 1; its labels are the phase and the reason of the condition Ready.",
    ("phase", "reason"),
)
MODEL_CONDITION = Family(
    f"{_MODEL}_condition", "1 where the condition is True, 0 where it is False.", ("condition",)
)
MODEL_WANTED = Family(f"{_MODEL}_replicas_wanted", "Servers that are wanted now.")
MODEL_REPLICAS = Family(f"{_MODEL}_replicas", "Servers that are there, Ready or not.")
MODEL_READY = Family(f"{_MODEL}_replicas_ready", "Servers that answer.")
MODEL_WORKERS = Family(
    f"{_MODEL}_server_workers", "Calls of compiled modules that one server computes at a time."
)
MODEL_RESTARTS = Family(
    f"{_MODEL}_server_restarts", "Restarts of the containers of the servers that are there now."
)
MODEL_PRICE = Family(f"{_MODEL}_server_dollars_per_hour", "Price of one server's cores, where one is known.")
MODEL_P99 = Family(
    f"{_MODEL}_benchmark_p99_seconds",
    "99 of 100 calls of the largest bucket took at most this long when the artifact was measured.",
)
MODEL_THROUGHPUT = Family(
    f"{_MODEL}_benchmark_rows_per_second", "Rows a second when the artifact was measured."
)
MODEL_COST = Family(
    f"{_MODEL}_benchmark_dollars_per_million_rows", "Cost at the measured throughput, where a price is known."
)

ARTIFACT_INFO = Family(
    f"{_ARTIFACT}_info",
    "Always 1; its labels say what was compiled.",
    ("target", "toolchain", "digest", "backend", "precision"),
)
ARTIFACT_PHASE = Family(
    f"{_ARTIFACT}_phase",
    "Always 1; its labels are the phase and the reason of the condition Ready.",
    ("phase", "reason"),
)
ARTIFACT_SIZE = Family(f"{_ARTIFACT}_size_bytes", "Size of its files.")
ARTIFACT_USERS = Family(f"{_ARTIFACT}_users", "NeuronModels that use it.")
ARTIFACT_FAILURES = Family(f"{_ARTIFACT}_failures", "Failures in a row that may heal.")
ARTIFACT_DAMAGED = Family(
    f"{_ARTIFACT}_damaged_timestamp_seconds", "When a server last found files of it lost or damaged."
)
ARTIFACT_COMPLETED = Family(
    f"{_ARTIFACT}_completed_timestamp_seconds", "When it was compiled and, where needed, verified."
)

OF_MODELS = (
    *(MODEL_INFO, MODEL_PHASE, MODEL_CONDITION, MODEL_WANTED, MODEL_REPLICAS, MODEL_READY, MODEL_WORKERS),
    *(MODEL_RESTARTS, MODEL_PRICE, MODEL_P99, MODEL_THROUGHPUT, MODEL_COST),
)
OF_ARTIFACTS = (
    *(ARTIFACT_INFO, ARTIFACT_PHASE, ARTIFACT_SIZE, ARTIFACT_USERS, ARTIFACT_FAILURES, ARTIFACT_DAMAGED),
    ARTIFACT_COMPLETED,
)
