"""What Prometheus is told of one NeuronArtifact, and of what has just come of its Jobs. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from neuron_operator.api.artifact import NeuronArtifact
from neuron_operator.api.settings import Settings
from neuron_operator.artifacts.observed import Observed
from neuron_operator.reading import figures
from neuron_operator.terms import gauges
from neuron_operator.terms.gauges import Sample
from neuron_operator.terms.reasons import Reason, known

STEPS = ("fetch", "compile", "parity", "benchmark", "publish", "verify", "total")
"""The steps whose duration is told; a report may hold others."""


@dataclass(frozen=True)
class Ending:
    """What came of a Job.

    Attributes:
        target: what was compiled for.
        seconds: the duration of each step that was done, where all went well.
        passed: whether each gate that measured something was passed.
        failure: the reason, where it failed.
    """

    target: str
    seconds: Mapping[str, float]
    passed: Mapping[str, bool]
    failure: Reason | None = None


def of_artifact(
    artifact: NeuronArtifact, _: Observed, __: Settings, status: Mapping[str, Any]
) -> Iterator[Sample]:
    """Its samples."""
    backend = status.get("backend") or {}
    labels = {
        "target": artifact.target,
        "toolchain": status.get("toolchain"),
        "digest": status.get("digest"),
        "backend": backend.get("name"),
        "precision": backend.get("precision"),
    }
    yield from figures.one(gauges.ARTIFACT_INFO, labels)
    yield from figures.phase(gauges.ARTIFACT_PHASE, status)
    yield from figures.number(gauges.ARTIFACT_SIZE, status.get("sizeBytes"))
    yield from figures.number(gauges.ARTIFACT_USERS, status.get("userCount"))
    yield from figures.number(gauges.ARTIFACT_FAILURES, status.get("failures", 0))
    yield from figures.time(gauges.ARTIFACT_DAMAGED, status.get("healedAt"))
    yield from figures.time(gauges.ARTIFACT_COMPLETED, status.get("completedAt"))


def ending(artifact: NeuronArtifact, status: Mapping[str, Any]) -> Ending | None:
    """What this status tells for the first time of a Job that has ended; None where it tells nothing new."""
    before = artifact.status
    completed = status.get("completedAt")
    if completed is not None and completed != before.get("completedAt"):
        took, told = status.get("seconds") or {}, before.get("seconds") or {}
        # What verifies, or looks at files that are there, reports again what compiling took.
        new = [step for step in STEPS if took.get(step) != told.get(step)]
        seconds = {step: took[step] for step in new if isinstance(took.get(step), int | float)}
        passed = {
            gate: bool(status[gate].get("passed"))
            for gate in ("parity", "benchmark")
            if "passed" in (status.get(gate) or {})
        }
        return Ending(artifact.target, seconds, passed)
    failure, known_failure = status.get("failure") or {}, before.get("failure") or {}
    if failure and failure.get("time") != known_failure.get("time"):
        reason = known(str(failure.get("reason")), Reason.COMPILER_CRASHED)
        return Ending(artifact.target, {}, {}, reason)
    return None
