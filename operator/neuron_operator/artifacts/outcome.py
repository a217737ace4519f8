"""What a compile Job has come to, read from the Job and the pods it made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from neuron_operator import labels
from neuron_operator.builders.jobs import FAILED_FOR_GOOD, KILLED
from neuron_operator.objects import Object, condition_of, controller_uid, is_true, parse_time, uid_of
from neuron_operator.pods import Problem, start_problem, termination, termination_report
from neuron_operator.reasons import DELETE_TO_RETRY, Reason, known, sentence

_PUBLISHED = ("Published", "AlreadyPublished")
_NEVER_STARTED = frozenset(
    {
        Reason.UNSCHEDULABLE,
        Reason.IMAGE_PULL_FAILED,
        Reason.SECRET_NOT_FOUND,
        Reason.CLAIM_NOT_FOUND,
        Reason.STORAGE_NOT_BOUND,
        Reason.CONTAINER_NOT_STARTED,
    }
)
_MAY_HEAL = _NEVER_STARTED | {Reason.SOURCE_UNREACHABLE, Reason.STORAGE_FULL, Reason.STORAGE_UNWRITABLE}


@dataclass(frozen=True)
class Published:
    """The compiler's report of success, as the termination message has it."""

    report: Mapping[str, Any]


@dataclass(frozen=True)
class Failed:
    """The Job has failed. `since`: seconds of POSIX time; `parity` where it was measured."""

    problem: Problem
    since: float
    parity: Mapping[str, Any] | None = None

    @property
    def may_heal(self) -> bool:
        """Whether another attempt with the same spec may end better."""
        return may_heal(self.problem.reason)


@dataclass(frozen=True)
class Running:
    """The Job goes on. `problem` keeps its pod from starting, or ended its last attempt."""

    problem: Problem | None
    started: bool


@dataclass(frozen=True)
class Unknown:
    """The Job has succeeded, but nobody shows its pod: the report is lost, or still on its way."""

    since: float


Outcome = Published | Failed | Running | Unknown


def outcome_of(job: Object, pods: Sequence[Object], previous: Problem | None) -> Outcome:
    """What the Job has come to.

    Success is read from the pod as soon as it ends; failure only from the Job's own condition, because a
    failed pod may have a successor. `previous` is what status said last: a Job that ran into its deadline
    without ever starting takes its pod, and the reason, with it.
    """
    own = sorted(
        (pod for pod in pods if controller_uid(pod) == uid_of(job)),
        key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")),
    )
    ends = [end for end in (termination(pod, labels.COMPILE) for pod in own) if end is not None]
    for end in ends:
        report = termination_report(end)
        if end["exitCode"] == 0 and report.get("outcome") in _PUBLISHED:
            return Published(report)
    if is_true(job, "Complete"):
        if ends:
            problem = Problem(
                Reason.COMPILER_CRASHED,
                sentence(Reason.COMPILER_CRASHED, "The compiler ended well but reported no result"),
            )
            return Failed(problem, _since(job, "Complete"))
        return Unknown(_since(job, "Complete"))
    if is_true(job, "Failed"):
        return _failure(job, ends, previous)
    if ends and len(ends) == len(own):
        if _was_last(ends, job):
            return Running(None, started=True)
        problem = _problem_of(ends[-1])
        return Running(Problem(problem.reason, f"{problem.message} It is being tried again."), started=True)
    problem_now = start_problem(own)
    return Running(problem_now, started=bool(own) and problem_now is None)


def may_heal(reason: Reason) -> bool:
    """Whether another attempt with the same spec may end better."""
    return reason in _MAY_HEAL


def _was_last(ends: Sequence[Mapping[str, Any]], job: Object) -> bool:
    """Whether no pod will follow: the Job says in a moment that it has failed."""
    return ends[-1]["exitCode"] in (FAILED_FOR_GOOD, KILLED) or len(ends) > job["spec"]["backoffLimit"]


def _failure(job: Object, ends: Sequence[Mapping[str, Any]], previous: Problem | None) -> Failed:
    since = _since(job, "Failed")
    condition = condition_of(job, "Failed") or {}
    if condition.get("reason") == "DeadlineExceeded":
        if previous is not None and previous.reason in _NEVER_STARTED:
            return Failed(previous, since)
        seconds = job["spec"]["activeDeadlineSeconds"]
        text = f"The compilation took longer than {seconds} seconds"
        return Failed(Problem(Reason.COMPILE_TIMEOUT, sentence(Reason.COMPILE_TIMEOUT, text)), since)
    if not ends:
        text = f"The compile Job failed: {condition.get('message', 'its pod is gone')}"
        return Failed(Problem(Reason.COMPILER_CRASHED, sentence(Reason.COMPILER_CRASHED, text)), since)
    return Failed(_problem_of(ends[-1]), since, termination_report(ends[-1]).get("parity"))


def _problem_of(end: Mapping[str, Any]) -> Problem:
    report = termination_report(end)
    if report.get("reason"):
        reason = known(str(report["reason"]), Reason.COMPILER_CRASHED)
        said = report.get("message")
        if not said:
            return Problem(reason, sentence(reason, "The compiler gave up"))
        by_hand = reason.advice.endswith(DELETE_TO_RETRY)
        return Problem(reason, f"{said} {DELETE_TO_RETRY}" if by_hand else said)
    if end.get("reason") == "OOMKilled" or end["exitCode"] == KILLED:
        reason = Reason.COMPILER_OUT_OF_MEMORY
        return Problem(reason, sentence(reason, "The compiler was killed because it needs more memory"))
    reason = Reason.COMPILER_CRASHED
    return Problem(reason, sentence(reason, f"The compiler ended with exit status {end['exitCode']}"))


def _since(job: Object, type_: str) -> float:
    condition = condition_of(job, type_)
    assert condition is not None
    return parse_time(condition["lastTransitionTime"]).timestamp()
