"""What a Job of an artifact has come to, read from the Job and the pods it made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from neuron_contract import exits

from neuron_operator.reading.complaints import SILENCE, Heard
from neuron_operator.reading.objects import Object, condition_of, controller_uid, is_true, parse_time, uid_of
from neuron_operator.reading.troubles import (
    Problem,
    evicted_at,
    eviction,
    held_open_by,
    init_problem,
    is_foreign,
    refusal,
    start_problem,
    termination,
    termination_log,
    termination_report,
    turned_away,
    working_container,
    wrong_architecture,
)
from neuron_operator.terms import labels
from neuron_operator.terms.reasons import Reason, known, sentence

SIDECAR_SECONDS = 30.0
"""How long a container beside the Job's own may take to end after them."""

_FAIL_AT_ONCE = (exits.FAILED, exits.KILLED)
_DONE = ("Published", "AlreadyPublished", "Verified")
_MEASURED = ("parity", "benchmark")
_EVICTED = (Reason.EVICTED, Reason.DISK_FULL)
_CALLED = {labels.COMPILE: "compiler", labels.VERIFY: "verification"}
_MEMORY = {
    labels.COMPILE: Reason.COMPILER_OUT_OF_MEMORY,
    # Its pod has a server's memory, not the compiler's.
    labels.VERIFY: Reason.VERIFICATION_OUT_OF_MEMORY,
}


@dataclass(frozen=True)
class Done:
    """The container's report of success, as the termination message has it, and when it ended."""

    report: Mapping[str, Any]
    ended_at: str


@dataclass(frozen=True)
class Failed:
    """The Job has failed.

    Attributes:
        since: seconds of POSIX time.
        step: what failed: fetch, compile, parity, ...; the container's name where it did not say.
        exit_code: None where no container has ended.
        log: the last lines that the step wrote.
        results: parity and benchmark, where they were measured.
        goes_on: the Job has not ended, and would make pod after pod.
    """

    problem: Problem
    since: float
    step: str
    exit_code: int | None = None
    log: str = ""
    results: Mapping[str, Any] = field(default_factory=dict)
    goes_on: bool = False


@dataclass(frozen=True)
class Running:
    """The Job goes on. `problem` keeps its pod from starting, or ended its last attempt.

    `wait`: seconds after which to look again, whatever happens.
    """

    problem: Problem | None
    started: bool
    wait: float | None = None


@dataclass(frozen=True)
class Unknown:
    """The Job has succeeded, but nobody shows its pod: the report is lost, or still on its way."""

    since: float


Outcome = Done | Failed | Running | Unknown


def outcome_of(
    job: Object,
    pods: Sequence[Object],
    container: str,
    *,
    heard: Heard = SILENCE,
    now: datetime | None = None,
) -> Outcome:
    """What the Job has come to.

    Success is read from the pod as soon as it ends; failure only from the Job's own condition, because a
    failed pod may have a successor. `heard`: what Events say of the Job and its pods.
    """
    own = sorted(
        (pod for pod in pods if controller_uid(pod) == uid_of(job)),
        key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")),
    )
    ends = [end for end in (termination(pod) for pod in own) if end is not None]
    for end in ends:
        report = termination_report(end)
        if end["exitCode"] == 0 and report.get("outcome") in _DONE:
            return Done(report, str(end["finishedAt"]))
    if is_true(job, "Complete"):
        if ends:
            reason = Reason.COMPILER_CRASHED
            text = f"The {_CALLED[container]} ended well but reported no result"
            return Failed(Problem(reason, sentence(reason, text)), _since(job, "Complete"), container, 0)
        return Unknown(_since(job, "Complete"))
    if is_true(job, "Failed"):
        return _failure(job, own, container)
    held = _held(own, container, now)
    if held is not None:
        return held
    evicted = _evicted(own, container)
    if evicted is not None:
        return evicted
    refused = turned_away(own[-1]) if own else None
    if refused is not None:
        return Running(Problem(refused.reason, f"{refused.message} It is being tried again."), True)
    if ends and len(ends) == len(own):
        if _was_last(ends, job):
            return Running(None, started=True)
        problem = _problem_of(ends[-1], container)
        again = Problem(problem.reason, f"{problem.message} It is being tried again.")
        return Running(again, started=True)
    problem_now = start_problem(own, heard, now) if own else refusal(heard.get(uid_of(job)))
    return Running(problem_now, started=bool(own) and problem_now is None)


def _held(own: Sequence[Object], container: str, now: datetime | None) -> Failed | Running | None:
    """A container that has failed in a pod that another container keeps open: no one will try it again."""
    for pod in own:
        sidecar, end = held_open_by(pod), termination(pod)
        if sidecar is None or end is None or end["exitCode"] == 0 or now is None:
            continue
        if "finishedAt" not in end:
            continue
        since = parse_time(end["finishedAt"]).timestamp()
        left = since + SIDECAR_SECONDS - now.timestamp()
        if left > 0:
            return Running(None, started=True, wait=left)
        problem = _problem_of(end, container)
        text = (
            f"{problem.message} The pod does not end, because its container {sidecar} runs on: leave it "
            "out of compile pods, or make it an init container that restarts (restartPolicy Always)."
        )
        return Failed(
            Problem(problem.reason, text), since, container, end["exitCode"], log=termination_log(end)
        )
    return None


def _evicted(own: Sequence[Object], container: str) -> Failed | None:
    """A pod that the kubelet has put out, while no later one is at work.

    The Job does not count it, or not for long: left alone, it would fill one node after the other.
    """
    for pod in reversed(own):
        problem = eviction(pod)
        if problem is not None:
            return Failed(problem, evicted_at(pod).timestamp(), container, goes_on=True)
        if working_container(pod) is not None:
            return None
    return None


def _was_last(ends: Sequence[Mapping[str, Any]], job: Object) -> bool:
    """Whether no pod will follow: the Job says in a moment that it has failed."""
    return ends[-1]["exitCode"] in _FAIL_AT_ONCE or len(ends) > job["spec"]["backoffLimit"]


def _failure(job: Object, own: Sequence[Object], container: str) -> Failed:
    since = _since(job, "Failed")
    ends = [end for end in (termination(pod) for pod in own) if end is not None]
    condition = condition_of(job, "Failed") or {}
    if condition.get("reason") == "PodFailurePolicy":
        # Only these fail a Job at once. Where none is left, somebody has removed the pod that would tell:
        # another attempt will, if the cause is still there.
        ends = [end for end in ends if end["exitCode"] in _FAIL_AT_ONCE]
        if not ends:
            reason = Reason.COMPILER_KILLED
            text = f"The {_CALLED[container]} was stopped, and its pod removed before it said why"
            return Failed(Problem(reason, sentence(reason, text)), since, container)
    before = next((problem for pod in own if (problem := _before_work(pod))), None)
    if before is not None and (not ends or before.reason in _EVICTED):
        return Failed(before, since, container)
    if not ends:
        text = f"The {container} Job failed: {condition.get('message', 'its pod is gone')}"
        problem = Problem(Reason.COMPILER_CRASHED, sentence(Reason.COMPILER_CRASHED, text))
        return Failed(problem, since, container)
    end, report = ends[-1], termination_report(ends[-1])
    return Failed(
        _problem_of(end, container),
        since,
        step=str(report.get("step") or container),
        exit_code=end["exitCode"],
        log=termination_log(end),
        results={key: report[key] for key in _MEASURED if report.get(key) is not None},
    )


def _before_work(pod: Object) -> Problem | None:
    """What ended the pod that was none of its own containers' doing."""
    return eviction(pod) or turned_away(pod) or init_problem(pod)


def _problem_of(end: Mapping[str, Any], container: str) -> Problem:
    report = termination_report(end)
    if _out_of_memory(end, report):
        reason = _MEMORY[container]
        said = " ".join(str(report.get("message") or "").split())
        if said and reason is Reason.COMPILER_OUT_OF_MEMORY:
            return Problem(reason, said)
        text = f"The {_CALLED[container]} was killed because it needs more memory"
        return Problem(reason, sentence(reason, text))
    if is_foreign(end) and not report:
        return wrong_architecture(str(end["message"]))
    if report.get("reason"):
        reason = known(str(report["reason"]), Reason.COMPILER_CRASHED)
        said = " ".join(str(report.get("message") or "").split())
        if not said:
            return Problem(reason, sentence(reason, f"The {_CALLED[container]} gave up"))
        return Problem(reason, said)
    if end["exitCode"] == exits.KILLED:
        # The kernel's kill for memory has a reason of its own: this one came from somebody else.
        reason = Reason.COMPILER_KILLED
        return Problem(reason, sentence(reason, f"The {_CALLED[container]} was killed from outside"))
    reason = Reason.COMPILER_CRASHED
    text = f"The {_CALLED[container]} ended with exit status {end['exitCode']}"
    return Problem(reason, sentence(reason, text))


def _out_of_memory(end: Mapping[str, Any], report: Mapping[str, Any]) -> bool:
    """Whether the container, or the process at work in it, ran out of memory."""
    if report.get("reason"):
        return bool(report["reason"] == Reason.COMPILER_OUT_OF_MEMORY.value)
    return end.get("reason") == "OOMKilled"


def _since(job: Object, type_: str) -> float:
    condition = condition_of(job, type_)
    assert condition is not None
    return parse_time(condition["lastTransitionTime"]).timestamp()
