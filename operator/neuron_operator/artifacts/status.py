"""The status of a NeuronArtifact."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from neuron_operator.api import artifact as phases
from neuron_operator.api.artifact import NeuronArtifact
from neuron_operator.artifacts.history import History
from neuron_operator.reading import conditions
from neuron_operator.reading.conditions import Condition
from neuron_operator.reading.objects import Object, format_time
from neuron_operator.reading.progress import Progress
from neuron_operator.reading.quantities import readable_size
from neuron_operator.reading.troubles import Problem
from neuron_operator.terms.reasons import RETRY, Reason, may_heal

MOST_USERS = 100
"""Users that status names; it counts all of them."""
_REPORTED = (
    *("revision", "sizeBytes", "versions", "seconds", "backend", "verification", "parity", "benchmark"),
    "manifestSha256",
)
_RESULTS = (*_REPORTED, "size", "peakMemory", "completedAt")

COMPILING_MESSAGE = "The compile Job fetches, compiles, checks and publishes."
"""Said by a NeuronArtifact, and by a NeuronModel whose artifact has not said anything yet: one write less."""
VERIFYING_MESSAGE = "The verify Job checks and measures the artifact on the accelerator."

NEEDED = "Needed"
"""Of `verification`: compiled on an ordinary node, and not yet checked on the accelerator."""


@dataclass(frozen=True)
class State:
    """Where the artifact stands, the results it has, and what its attempts so far have taught.

    `healed_at`: when lost or damaged files were found just now; `scrubbed_at`: when they were looked at.
    """

    phase: str
    reason: Reason
    message: str
    results: Mapping[str, Any] = field(default_factory=dict)
    history: History = field(default_factory=History)
    healed_at: str | None = None
    scrubbed_at: str | None = None


def ready_condition(status: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The condition Ready of a status, None where nothing was written yet."""
    for condition in status.get("conditions") or ():
        if condition["type"] == conditions.READY:
            return dict(condition)
    return None


def last_problem(status: Mapping[str, Any]) -> Problem | None:
    """The reason and the sentence that status holds; the log that may follow the sentence is left out."""
    condition = ready_condition(status)
    if condition is None or condition["reason"] not in Reason._value2member_map_:
        return None
    return Problem(Reason(condition["reason"]), condition["message"].partition("\n")[0])


def kept_results(status: Mapping[str, Any]) -> dict[str, Any]:
    """The results of an earlier Job."""
    return {key: status[key] for key in _RESULTS if key in status}


def results_of(report: Mapping[str, Any], completed_at: str) -> dict[str, Any]:
    """The results in a Job's report; what it left out or set to null stays out.

    `completed_at` is the Job's own time: the same however often its report is read.
    """
    results = {key: report[key] for key in _REPORTED if report.get(key) is not None}
    if "sizeBytes" in results:
        results["size"] = readable_size(int(results["sizeBytes"]))
    if report.get("peakMemoryBytes"):
        results["peakMemory"] = readable_size(int(report["peakMemoryBytes"]))
    return results | {"completedAt": completed_at}


def published(
    artifact: NeuronArtifact, results: Mapping[str, Any], history: History, not_applied: Sequence[str] = ()
) -> State:
    """The artifact may be served; `not_applied` are settings of the model that it does not carry out."""
    size = f", {results['size']}" if "size" in results else ""
    message = f"Published as {artifact.digest}{size}."
    if not_applied:
        message = f"{message} Not applied: {' '.join(str(sentence) for sentence in not_applied)}"
    return State(phases.READY, Reason.PUBLISHED, message, results, history)


def artifact_status(
    artifact: NeuronArtifact,
    state: State,
    *,
    users: Sequence[str],
    unused_since: datetime | None,
    progress: Progress | None,
    now: datetime,
    retries: Sequence[str] = (),
    files_may_exist: bool = False,
) -> Object:
    """The whole status."""
    history = state.history
    status: Object = {
        "phase": state.phase,
        "conditions": _conditions(artifact, state, now),
        "observedGeneration": artifact.generation,
        "digest": artifact.digest,
        "toolchain": artifact.toolchain,
        "users": list(users[:MOST_USERS]),
        "userCount": len(users),
        **state.results,
    }
    if files_may_exist:
        status["filesMayExist"] = True
    if retries:
        status["retries"] = list(retries)
    if history.failures:
        status["failures"] = history.failures
    if history.failure is not None:
        status["failure"] = dict(history.failure)
    if history.memory is not None:
        status["memory"] = history.memory
    if progress is not None and state.phase in (phases.COMPILING, phases.VERIFYING):
        status["progress"] = {"step": progress.step, "message": progress.message}
    if healed_at := state.healed_at or artifact.status.get("healedAt"):
        status["healedAt"] = healed_at
    if scrubbed_at := state.scrubbed_at or artifact.status.get("scrubbedAt"):
        status["scrubbedAt"] = scrubbed_at
    if unused_since is not None:
        status["unusedSince"] = format_time(unused_since)
    return status


def refused(artifact: NeuronArtifact, status: Object, message: str, now: datetime) -> Object:
    """The status of an artifact whose Job the API server does not accept; all else in it stands.

    One that is being collected stays so: files may be gone. One that is Ready stays so: it was only to be
    looked at.
    """
    if status["phase"] == phases.READY:
        return status
    phase = phases.COLLECTING if status["phase"] == phases.COLLECTING else phases.FAILED
    state = State(phase, Reason.SPEC_REJECTED, message)
    return {**status, "phase": phase, "conditions": _conditions(artifact, state, now)}


def _conditions(artifact: NeuronArtifact, state: State, now: datetime) -> list[Object]:
    status = conditions.TRUE if state.phase == phases.READY else conditions.FALSE
    stalled = state.phase == phases.FAILED and not may_heal(state.reason)
    sentence = state.message if not stalled or RETRY in state.message else f"{state.message} {RETRY}"
    log = (state.history.failure or {}).get("log") if state.phase == phases.FAILED else None
    message = f"{sentence}\n{log}" if log else sentence
    ready = Condition(conditions.READY, status, state.reason, message)
    under_way = conditions.rest(
        reconciling=state.phase != phases.READY and not stalled,
        stalled=stalled,
        reason=state.reason,
        message=sentence,
    )
    before = artifact.status.get("conditions") or ()
    return conditions.merge(before, [ready, *under_way], generation=artifact.generation, now=now)
