"""What earlier attempts have taught: how often they failed, when to try again, with how much memory. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from neuron_operator.api import artifact as phases
from neuron_operator.api.artifact import NeuronArtifact
from neuron_operator.artifacts.outcome import Failed
from neuron_operator.reading import quantities
from neuron_operator.reading.objects import format_time

FIRST_REST_SECONDS = 30.0
LONGEST_REST_SECONDS = 3600.0

_UNITS = (("Gi", 2**30), ("Mi", 2**20), ("Ki", 2**10))


@dataclass(frozen=True)
class History:
    """As status keeps it.

    Attributes:
        failures: failures in a row that may heal.
        failure: the newest failure, None while there was none.
        memory: the compile pod's memory limit, None where it has none.
    """

    failures: int = 0
    failure: Mapping[str, Any] | None = None
    memory: str | None = None


def history_of(artifact: NeuronArtifact) -> History:
    """What status remembers; nothing where the spec has changed since, unless all went well."""
    status = artifact.status
    if artifact.phase != phases.READY and status.get("observedGeneration") != artifact.generation:
        return History()
    return History(int(status.get("failures", 0)), status.get("failure"), status.get("memory"))


def with_failure(history: History, failed: Failed, *, heals: bool) -> History:
    """The history with that failure in it, counted once however often it is looked at."""
    failure: dict[str, Any] = {
        "reason": failed.problem.reason.value,
        "step": failed.step,
        "time": format_time(datetime.fromtimestamp(failed.since, UTC)),
    }
    if failed.exit_code is not None:
        failure["exitCode"] = failed.exit_code
    if failed.log:
        failure["log"] = failed.log
    known = history.failure is not None and history.failure.get("time") == failure["time"]
    failures = max(1, history.failures + (0 if known else 1)) if heals else 0
    return History(failures, failure, history.memory)


def rest_seconds(failures: int) -> float:
    """How long an artifact rests after that many failures in a row."""
    return float(min(FIRST_REST_SECONDS * 2.0 ** min(failures - 1, 16), LONGEST_REST_SECONDS))


def larger(one: str | None, other: str | None) -> str | None:
    """The larger of two quantities; what is not None where the other is."""
    if one is None or other is None:
        return one or other
    return one if quantities.parse(one) >= quantities.parse(other) else other


def next_rung(memory: str | None, most: str) -> str | None:
    """Twice the memory, at most `most`; None where there is no limit to raise, or no room above it."""
    if memory is None:
        return None
    now, top = quantities.parse(memory), quantities.parse(most)
    return _quantity(min(now * 2, top)) if now < top else None


def _quantity(value: Decimal) -> str:
    """A whole number of bytes in the largest binary unit that divides it."""
    size = int(value)
    for unit, factor in _UNITS:
        if size % factor == 0:
            return f"{size // factor}{unit}"
    return str(size)
