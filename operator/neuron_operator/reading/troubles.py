"""Why a pod does not run: what the scheduler, the kubelet and the containers have said."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from neuron_operator.reading.objects import Object, condition_of, is_deleting, status_of
from neuron_operator.terms.reasons import Reason, known, sentence

_IMAGE_WAITS = {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"}
ENDED_PHASES = ("Succeeded", "Failed")
_OF_A_REPORT = {"outcome", "reason"}
_LONGEST_LOG = 1500
_START_WAITS = {"CreateContainerConfigError", "CreateContainerError", "RunContainerError"}


@dataclass(frozen=True)
class Problem:
    """What keeps a pod from its work, as one sentence that ends in what to do."""

    reason: Reason
    message: str


def start_problem(pods: Iterable[Object]) -> Problem | None:
    """The first thing that keeps one of the pods from starting."""
    for pod in pods:
        if is_deleting(pod):
            continue
        problem = _scheduling_problem(pod) or _waiting_problem(pod)
        if problem is not None:
            return problem
    return None


def crash_problem(pods: Iterable[Object]) -> Problem | None:
    """Why a container that is not ready has ended before, in its own words where it left some."""
    for pod in pods:
        for status in _container_statuses(pod):
            ended = (status.get("state") or {}).get("terminated") or (status.get("lastState") or {}).get(
                "terminated"
            )
            if ended and not status.get("ready") and not is_deleting(pod):
                return _server_end(ended)
    return None


def termination(pod: Object, container: str) -> Mapping[str, Any] | None:
    """How that container has ended (`exitCode`, `reason`, `message`, ...), None while it has not."""
    for status in _container_statuses(pod):
        if status["name"] == container:
            ended: Mapping[str, Any] | None = (status.get("state") or {}).get("terminated")
            return ended
    return None


def has_ended(pod: Object, container: str) -> bool:
    """Whether the container does nothing more: it has ended, or its pod has (evicted before it began)."""
    return status_of(pod).get("phase") in ENDED_PHASES or termination(pod, container) is not None


def termination_report(ended: Mapping[str, Any]) -> Mapping[str, Any]:
    """The JSON object a container left as its termination message; empty where it left none."""
    try:
        report = json.loads(ended.get("message") or "")
    except ValueError:
        return {}
    return report if isinstance(report, dict) and report.keys() & _OF_A_REPORT else {}


def termination_log(ended: Mapping[str, Any]) -> str:
    """The end of the log of what failed, at most 1500 characters; empty where there is none.

    A container that left no report has the last lines of its log in the report's place
    (terminationMessagePolicy FallbackToLogsOnError).
    """
    report = termination_report(ended)
    log = str(report.get("log") or "") if report else str(ended.get("message") or "")
    return log.strip()[-_LONGEST_LOG:].strip()


def is_running(pod: Object, container: str) -> bool:
    """Whether the container is at work."""
    return not is_deleting(pod) and any(
        status["name"] == container and "running" in (status.get("state") or {})
        for status in _container_statuses(pod)
    )


def _container_statuses(pod: Object) -> Iterable[Mapping[str, Any]]:
    return status_of(pod).get("containerStatuses") or ()


def _scheduling_problem(pod: Object) -> Problem | None:
    scheduled = condition_of(pod, "PodScheduled")
    if scheduled is None or scheduled["status"] != "False" or scheduled.get("reason") != "Unschedulable":
        return None
    message = scheduled.get("message", "")
    if "persistentvolumeclaim" in message and "not found" in message:
        reason = Reason.CLAIM_NOT_FOUND
    elif "unbound" in message and "PersistentVolumeClaim" in message:
        reason = Reason.STORAGE_NOT_BOUND
    else:
        reason = Reason.UNSCHEDULABLE
    return Problem(reason, sentence(reason, f"No node takes the pod: {_essence(message)}"))


def _essence(message: str) -> str:
    """The scheduler's message without its words on preemption and the empty ones it puts at the end."""
    cut = message.split(" preemption:")[0].removesuffix(" no new claims to deallocate,")
    return cut.strip().removesuffix(".").removesuffix(". not found")


def _waiting_problem(pod: Object) -> Problem | None:
    for status in _container_statuses(pod):
        waiting = (status.get("state") or {}).get("waiting") or {}
        kind, message = waiting.get("reason"), waiting.get("message", "")
        if kind in _IMAGE_WAITS:
            # The kubelet alternates between trying and waiting; both carry the same cause.
            cause = message.split("ErrImagePull: ", 1)[-1]
            text = f"The image {status.get('image')} cannot be pulled: {cause}"
            return Problem(Reason.IMAGE_PULL_FAILED, sentence(Reason.IMAGE_PULL_FAILED, text))
        if kind in _START_WAITS:
            missing = "secret" in message.lower()
            reason = Reason.SECRET_NOT_FOUND if missing else Reason.CONTAINER_NOT_STARTED
            return Problem(reason, sentence(reason, f"The container cannot start: {message}"))
    return None


def _server_end(ended: Mapping[str, Any]) -> Problem:
    report = termination_report(ended)
    if report.get("reason"):
        reason = known(str(report["reason"]), Reason.SERVER_CRASH_LOOPING)
        return Problem(reason, report.get("message") or sentence(reason, "The server gave up"))
    if ended.get("reason") == "OOMKilled":
        reason = Reason.SERVER_OUT_OF_MEMORY
        return Problem(reason, sentence(reason, "The server was killed because it needs more memory"))
    reason = Reason.SERVER_CRASH_LOOPING
    return Problem(reason, sentence(reason, f"The server ended with exit status {ended.get('exitCode')}"))
