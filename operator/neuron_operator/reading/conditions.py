"""Conditions (metav1.Condition): their types, and how they move from one status to the next."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from neuron_operator.reading.objects import format_time
from neuron_operator.terms.reasons import Reason

READY = "Ready"
UP_TO_DATE = "UpToDate"
RECONCILING = "Reconciling"
STALLED = "Stalled"
ARTIFACT_READY = "ArtifactReady"
PARITY_VERIFIED = "ParityVerified"
BENCHMARK_COMPLETED = "BenchmarkCompleted"
SERVING_READY = "ServingReady"
AUTOSCALER_READY = "AutoscalerReady"
FALLBACK_ACTIVE = "FallbackActive"
UNDONE = "Undone"
IMAGE_OUTDATED = "ImageOutdated"
RUNTIME_MAINTAINED = "RuntimeMaintained"

TRUE = "True"
FALSE = "False"
UNKNOWN = "Unknown"

_LONGEST_MESSAGE = 4096


@dataclass(frozen=True)
class Condition:
    """What is true now, without the time since when.

    `generation`: of the spec that it is said of, where that is not the newest one.
    """

    type: str
    status: str
    reason: Reason
    message: str
    generation: int | None = None


def rest(*, reconciling: bool, stalled: bool, reason: Reason, message: str) -> list[Condition]:
    """The two conditions by which kstatus (Flux, Argo CD, `kustomize`) tells whether something is under way.

    Never both are True: what is stalled goes on only when somebody acts.
    """
    under_way = message if reconciling else "Nothing is under way."
    needs_help = message if stalled else "Nobody has to act."
    return [
        Condition(RECONCILING, TRUE if reconciling else FALSE, reason, under_way),
        Condition(STALLED, TRUE if stalled else FALSE, reason, needs_help),
    ]


def merge(
    old: Iterable[Mapping[str, Any]], new: Iterable[Condition], *, generation: int, now: datetime
) -> list[dict[str, Any]]:
    """The conditions as status holds them; lastTransitionTime is kept where the status is unchanged."""
    before = {condition["type"]: condition for condition in old}
    merged = []
    for condition in new:
        previous = before.get(condition.type)
        unchanged = previous is not None and previous["status"] == condition.status
        merged.append(
            {
                "type": condition.type,
                "status": condition.status,
                "observedGeneration": generation if condition.generation is None else condition.generation,
                "lastTransitionTime": previous["lastTransitionTime"]
                if previous is not None and unchanged
                else format_time(now),
                "reason": condition.reason.value,
                "message": condition.message[:_LONGEST_MESSAGE],
            }
        )
    return merged
