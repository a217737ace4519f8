"""What a NeuronArtifact needs next: a compile, a wait, a retry, or to be collected. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from neuron_operator import labels
from neuron_operator.api import artifact as phases
from neuron_operator.api.artifact import NeuronArtifact
from neuron_operator.api.settings import Settings
from neuron_operator.artifacts.outcome import Failed, Published, Running, Unknown, may_heal, outcome_of
from neuron_operator.artifacts.status import (
    COMPILING_MESSAGE,
    State,
    kept_results,
    last_problem,
    results_of,
    status_of,
)
from neuron_operator.builders.jobs import collect_job, compile_job
from neuron_operator.objects import Object, controller_uid, is_deleting, is_true, parse_time
from neuron_operator.plan import NOTHING, Apply, Plan, soonest, spec_hash
from neuron_operator.pods import has_ended, start_problem
from neuron_operator.reasons import Reason, sentence
from neuron_operator.targets import family_of

RETRY_SECONDS = 300.0
"""How long a failure that may heal rests before it is tried again."""

_NEVER_MADE = (Reason.SPEC_REJECTED, Reason.IMAGE_NOT_CONFIGURED)
_LOOK_AGAIN_SECONDS = 5.0
_REPORT_LOST_SECONDS = 60.0


@dataclass(frozen=True)
class Observed:
    """Everything around one NeuronArtifact. `users`: sorted names of the models that want or serve it."""

    body: Object
    compile_job: Object | None
    collect_job: Object | None
    compile_pods: Sequence[Object]
    collect_pods: Sequence[Object]
    users: Sequence[str]


@dataclass(frozen=True)
class _Step:
    """A state together with the writes that lead on from it."""

    state: State
    apply: tuple[Apply, ...] = ()
    delete: tuple[Object, ...] = ()
    requeue: float | None = None


def decide(artifact: NeuronArtifact, observed: Observed, settings: Settings, now: datetime) -> Plan:
    """The plan for one artifact."""
    if artifact.deleting:
        return NOTHING
    unused_since = _unused_since(artifact, observed, now)
    expires_in = _expires_in(artifact, unused_since, now)
    collecting = artifact.phase == phases.COLLECTING or (expires_in is not None and expires_in <= 0)
    if collecting:
        if artifact.phase == phases.PENDING:
            return Plan(delete=(observed.body,))  # Nothing was ever stored: there are no files to remove.
        step = _collect(artifact, observed, settings, now)
        if step is None:
            return Plan(delete=(observed.body,))
        expires_in = None
    else:
        step = _compile(artifact, observed, settings, now)
    return Plan(
        apply=step.apply,
        delete=step.delete,
        status=status_of(artifact, step.state, users=observed.users, unused_since=unused_since, now=now),
        requeue=soonest(step.requeue, expires_in),
    )


def _unused_since(artifact: NeuronArtifact, observed: Observed, now: datetime) -> datetime | None:
    if observed.users or artifact.pinned:
        return None
    since = artifact.status.get("unusedSince")
    return parse_time(since) if since else now.replace(microsecond=0)


def _expires_in(artifact: NeuronArtifact, unused_since: datetime | None, now: datetime) -> float | None:
    if unused_since is None:
        return None
    return (unused_since + timedelta(seconds=artifact.ttl_seconds) - now).total_seconds()


def _compile(artifact: NeuronArtifact, observed: Observed, settings: Settings, now: datetime) -> _Step:
    if artifact.phase == phases.READY:
        return _Step(_standing(artifact))
    desired, job = compile_job(artifact, settings), observed.compile_job
    if job is None:
        if artifact.phase == phases.FAILED and not _wants_retry(artifact):
            return _Step(_standing(artifact))
        if not artifact.image:
            return _Step(_without_image(artifact))
        return _Step(_compiling(), apply=(Apply(desired),))
    if is_deleting(job):
        return _Step(_compiling(), requeue=_LOOK_AGAIN_SECONDS)
    if controller_uid(job) != artifact.uid:
        return _Step(_compiling(), delete=(job,))
    outdated = spec_hash(job) != spec_hash(desired)
    match outcome_of(job, observed.compile_pods, last_problem(artifact.status)):
        case Published(report):
            return _Step(_published(artifact, report, now))
        case Failed() as failed:
            return _after_failure(job, failed, outdated, now)
        case Running(problem, started):
            if outdated and not started:
                return _Step(_retrying("The Job is replaced because the spec has changed."), delete=(job,))
            if problem is None:
                return _Step(_compiling())
            phase = phases.COMPILING if started else phases.PENDING
            return _Step(State(phase, problem.reason, problem.message))
        case Unknown(since):
            if now.timestamp() - since < _REPORT_LOST_SECONDS:
                return _Step(_compiling(), requeue=_LOOK_AGAIN_SECONDS)
            return _Step(_retrying("The result was lost with its pod; the Job is run again."), delete=(job,))


def _after_failure(job: Object, failed: Failed, outdated: bool, now: datetime) -> _Step:
    if outdated:
        return _Step(_retrying("The failed Job is replaced because the spec has changed."), delete=(job,))
    results = {} if failed.parity is None else {"parity": failed.parity}
    state = State(phases.FAILED, failed.problem.reason, failed.problem.message, results)
    if not failed.may_heal:
        return _Step(state)
    rest = failed.since + RETRY_SECONDS - now.timestamp()
    if rest > 0:
        return _Step(state, requeue=rest)
    return _Step(_retrying(f"Trying again after: {failed.problem.message}"), delete=(job,))


def _wants_retry(artifact: NeuronArtifact) -> bool:
    """Whether a failure without a Job gets one: it may heal, the Job was refused, or the spec has changed."""
    said = last_problem(artifact.status)
    passing = said is not None and (may_heal(said.reason) or said.reason in _NEVER_MADE)
    return passing or bool(artifact.status.get("observedGeneration") != artifact.generation)


def _standing(artifact: NeuronArtifact) -> State:
    """What status says already; it stays."""
    problem = last_problem(artifact.status)
    reason = problem.reason if problem is not None else Reason.PUBLISHED
    message = problem.message if problem is not None else ""
    return State(artifact.phase, reason, message, kept_results(artifact.status))


def _compiling() -> State:
    return State(phases.COMPILING, Reason.COMPILING, COMPILING_MESSAGE)


def _without_image(artifact: NeuronArtifact) -> State:
    reason, family = Reason.IMAGE_NOT_CONFIGURED, family_of(artifact.target)
    text = f"No compiler image is configured for {artifact.target} (images.compiler.{family})"
    return State(phases.FAILED, reason, sentence(reason, text))


def _retrying(message: str) -> State:
    return State(phases.COMPILING, Reason.RETRYING, message)


def _published(artifact: NeuronArtifact, report: object, now: datetime) -> State:
    assert isinstance(report, dict)
    results = results_of(report, now)
    size = f", {results['size']}" if "size" in results else ""
    message = f"Published as {artifact.digest}{size}."
    return State(phases.READY, Reason.PUBLISHED, message, results)


def _collect(artifact: NeuronArtifact, observed: Observed, settings: Settings, now: datetime) -> _Step | None:
    """Remove the files; None once they are removed and the NeuronArtifact can go.

    Collecting, once begun, goes on to its end even if a NeuronModel wants the artifact again: files may be
    gone.
    """
    if artifact.phase != phases.COLLECTING:
        return _Step(
            _collecting(artifact)
        )  # Said before anything is removed: no model may begin to serve it.
    job, compile_ = observed.collect_job, observed.compile_job
    if compile_ is not None and not _finished(compile_):
        gone = () if is_deleting(compile_) else (compile_,)
        return _Step(_collecting(artifact), delete=gone, requeue=_LOOK_AGAIN_SECONDS)
    if not all(has_ended(pod, labels.COMPILE) for pod in observed.compile_pods):
        return _Step(_collecting(artifact), requeue=_LOOK_AGAIN_SECONDS)
    if job is None:
        return _Step(_collecting(artifact), apply=(Apply(collect_job(artifact, settings)),))
    if is_deleting(job):
        return _Step(_collecting(artifact), requeue=_LOOK_AGAIN_SECONDS)
    if controller_uid(job) != artifact.uid:
        return _Step(_collecting(artifact), delete=(job,))
    if is_true(job, "Complete"):
        return None
    problem = start_problem(observed.collect_pods)
    if not is_true(job, "Failed"):
        if problem is None:
            return _Step(_collecting(artifact))
        return _Step(_collecting(artifact, problem.reason, problem.message))
    last = last_problem(artifact.status)
    if last is not None and last.reason is Reason.CLAIM_NOT_FOUND:
        return None  # The files went with their claim.
    reason = Reason.COLLECT_FAILED
    state = _collecting(artifact, reason, sentence(reason, "The artifact's files could not be removed"))
    finished_at = max(
        parse_time(condition["lastTransitionTime"]).timestamp() for condition in job["status"]["conditions"]
    )
    rest = finished_at + RETRY_SECONDS - now.timestamp()
    return _Step(state, requeue=rest) if rest > 0 else _Step(state, delete=(job,))


def _finished(job: Object) -> bool:
    return is_true(job, "Complete") or is_true(job, "Failed")


def _collecting(
    artifact: NeuronArtifact,
    reason: Reason = Reason.ARTIFACT_BEING_COLLECTED,
    message: str = "No NeuronModel uses the artifact; its files are being removed.",
) -> State:
    return State(phases.COLLECTING, reason, message, kept_results(artifact.status))
