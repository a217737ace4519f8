"""One stage of an artifact's way: a Job, run until it has an outcome. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from neuron_operator.api import artifact as phases
from neuron_operator.api.artifact import NeuronArtifact
from neuron_operator.artifacts.history import History, history_of, rest_seconds, with_failure
from neuron_operator.artifacts.observed import Observed
from neuron_operator.artifacts.outcome import Done, Failed, Running, Unknown, outcome_of
from neuron_operator.artifacts.status import State, kept_results, last_problem
from neuron_operator.plans.plan import Apply, spec_hash
from neuron_operator.reading.complaints import Heard
from neuron_operator.reading.objects import Object, controller_uid, is_deleting, parse_time
from neuron_operator.terms.reasons import RETRY, Reason, may_heal

LOOK_AGAIN_SECONDS = 5.0
AGAIN = "It is tried again by itself."
_PATIENCE_SECONDS = 5.0
_REPORT_LOST_SECONDS = 60.0
_NEVER_MADE = (Reason.SPEC_REJECTED, Reason.IMAGE_NOT_CONFIGURED)


@dataclass(frozen=True)
class Step:
    """A state together with the writes that lead on from it."""

    state: State
    create: tuple[Object, ...] = ()
    apply: tuple[Apply, ...] = ()
    delete: tuple[Object, ...] = ()
    requeue: float | None = None


@dataclass(frozen=True)
class Stage:
    """A Job that an artifact needs.

    Attributes:
        container: the name of its container, and of its component.
        desired: the Job as it is wanted now.
        job: the Job that is there.
        pods: those of its component.
        state: what is said while it runs and all is well.
        heard: what Events say of it.
    """

    container: str
    desired: Object
    job: Object | None
    pods: Sequence[Object]
    state: State
    heard: Heard = field(default_factory=dict)

    @property
    def outdated(self) -> bool:
        """Whether the Job that is there was made for another spec."""
        return self.job is not None and spec_hash(self.job) != spec_hash(self.desired)

    def retrying(self, message: str, history: History | None = None) -> State:
        """The state in which the Job is made anew."""
        return replace(
            self.state, reason=Reason.RETRYING, message=message, history=history or self.state.history
        )


@dataclass(frozen=True)
class Finished:
    """The stage's Job has done its work, or has failed; what follows is for the artifact to decide."""

    outcome: Done | Failed


def advance(stage: Stage, artifact: NeuronArtifact, now: datetime) -> Step | Finished:
    """Run the stage's Job: make it, wait for it, make it anew where it is not this spec's."""
    job = stage.job
    if job is None:
        return Step(stage.state, apply=(Apply(stage.desired),))
    if is_deleting(job):
        return Step(stage.state, requeue=LOOK_AGAIN_SECONDS)
    if controller_uid(job) != artifact.uid:
        return Step(stage.state, delete=(job,))
    outcome = outcome_of(
        job,
        stage.pods,
        stage.container,
        heard=stage.heard,
        now=now,
    )
    match outcome:
        case Done() | Failed() as outcome:
            return Finished(outcome)
        case Running(problem, started, wait):
            if stage.outdated and not started:
                message = "The Job is replaced because the spec has changed."
                return Step(stage.retrying(message), delete=(job,))
            if problem is None:
                return Step(stage.state, requeue=wait)
            phase = stage.state.phase if started else phases.PENDING
            said = replace(stage.state, phase=phase, reason=problem.reason, message=problem.message)
            return Step(said, requeue=_PATIENCE_SECONDS if problem.reason is Reason.NODE_STARTING else None)
        case Unknown(since):
            if now.timestamp() - since < _REPORT_LOST_SECONDS:
                return Step(stage.state, requeue=LOOK_AGAIN_SECONDS)
            message = "The result was lost with its pod; the Job is run again."
            return Step(stage.retrying(message), delete=(job,))


def after_failure(stage: Stage, artifact: NeuronArtifact, failed: Failed, now: datetime) -> Step:
    """A Job that has failed: made anew for a new spec, or after a rest where that may help, else left."""
    assert stage.job is not None
    if stage.outdated:
        message = "The failed Job is replaced because the spec has changed."
        return Step(stage.retrying(message), delete=(stage.job,))
    problem, heals = failed.problem, may_heal(failed.problem.reason)
    history = with_failure(history_of(artifact), failed, heals=heals)
    history = replace(history, memory=stage.state.history.memory)
    message = f"{problem.message} {AGAIN}" if heals else problem.message
    results: Mapping[str, Any] = {**stage.state.results, **failed.results}
    state = State(phases.FAILED, problem.reason, message, results, history)
    ended = (stage.job,) if failed.goes_on else ()
    if not heals:
        return Step(state, delete=ended)
    rest = failed.since + rest_seconds(history.failures) - now.timestamp()
    if rest > 0 or failed.goes_on:
        return Step(state, delete=ended, requeue=max(rest, 0.0))
    return Step(stage.retrying(f"Trying again after: {problem.message}", history), delete=(stage.job,))


def standing(artifact: NeuronArtifact) -> State:
    """What status says already; it stays."""
    problem = last_problem(artifact.status)
    reason = problem.reason if problem is not None else Reason.PUBLISHED
    message = problem.message if problem is not None else ""
    return State(artifact.phase, reason, message, kept_results(artifact.status), history_of(artifact))


def rest_left(artifact: NeuronArtifact, observed: Observed, job: Object | None, now: datetime) -> float:
    """Seconds for which an artifact rests whose Job was taken away because its pod was evicted; else 0."""
    said, history = last_problem(artifact.status), history_of(artifact)
    gone = job is None or is_deleting(job)
    if not gone or artifact.phase != phases.FAILED or said is None or said.reason is not Reason.EVICTED:
        return 0.0
    if history.failure is None or asked_again(artifact, observed):
        return 0.0
    since = parse_time(history.failure["time"]).timestamp()
    return max(0.0, since + rest_seconds(history.failures) - now.timestamp())


def at_work(artifact: NeuronArtifact, state: State) -> State:
    """The state of a running Job; one that is a further attempt goes on saying what went wrong before."""
    failure, said = state.history.failure, last_problem(artifact.status)
    if failure is None or said is None:
        return state
    if said.reason is Reason.RETRYING:
        message = said.message
    elif said.reason.value == failure["reason"]:
        message = f"Trying again after: {said.message.removesuffix(AGAIN).removesuffix(RETRY).strip()}"
    else:
        message = f"Trying again after the failure {failure['reason']}."
    return replace(state, reason=Reason.RETRYING, message=message)


def asked_again(artifact: NeuronArtifact, observed: Observed) -> bool:
    """Whether somebody has given the retry annotation of the artifact, or of a user, a new value."""
    return not set(observed.retries) <= set(artifact.status.get("retries") or ())


def afresh(stage: Stage, artifact: NeuronArtifact, observed: Observed) -> Step | None:
    """One more attempt because somebody asks for it, of what has ended; None where nobody does.

    What earlier failures have taught about waiting is forgotten; the memory that was needed is not.
    """
    over = artifact.phase in (phases.FAILED, phases.READY)
    if stage.job is None or is_deleting(stage.job) or not over or not asked_again(artifact, observed):
        return None
    history = History(memory=stage.state.history.memory)
    return Step(stage.retrying("It is tried again because that was asked for.", history), delete=(stage.job,))


def wants_retry(artifact: NeuronArtifact, observed: Observed) -> bool:
    """Whether a failure without a Job gets one: it may heal, the Job was refused, the spec has changed, or
    somebody asks for it."""
    said = last_problem(artifact.status)
    passing = said is not None and (may_heal(said.reason) or said.reason in _NEVER_MADE)
    passing = passing or asked_again(artifact, observed)
    return passing or artifact.status.get("observedGeneration") != artifact.generation
