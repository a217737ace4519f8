"""Why a pod does not run: what the scheduler, the kubelet and the containers have said."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from neuron_contract import steps

from neuron_operator.reading.complaints import SILENCE, Complaint, Heard, essence, lacking_config_map
from neuron_operator.reading.objects import (
    Object,
    condition_of,
    is_deleting,
    parse_time,
    status_of,
    uid_of,
)
from neuron_operator.reading.reported import loads, printable, taken_down
from neuron_operator.terms.reasons import Reason, known, sentence

_IMAGE_WAITS = {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"}
ENDED_PHASES = ("Succeeded", "Failed")
_OF_A_REPORT = {"outcome", "reason"}
_LONGEST_LOG = 1500
_SILENT_WAITS = (None, "ContainerCreating", "PodInitializing")
# The kubelet can't make a part of a volume that is mounted read-only: it is gone, or can't be read just now.
_NO_PART = 'failed to prepare subPath for volumeMount "artifacts"'
_FOREIGN = "exec format error"
_NODE_SECONDS = 15.0
_PROMISED_NODE_SECONDS = 600.0
# The kubelet's words for a pod beyond a limit of its own. Whatever else it evicts for is the node's.
_OWN_LIMIT = re.compile(
    r"Usage of EmptyDir volume|exceeded its local ephemeral storage limit"
    r"|ephemeral local storage usage exceeds",
    re.I,
)
_START_WAITS = {"CreateContainerConfigError", "CreateContainerError", "RunContainerError"}


@dataclass(frozen=True)
class Problem:
    """What keeps a pod from its work, as one sentence that ends in what to do."""

    reason: Reason
    message: str


def start_problem(
    pods: Iterable[Object], heard: Heard = SILENCE, now: datetime | None = None
) -> Problem | None:
    """The first thing that keeps one of the pods from starting.

    `heard`: what Events say of pods that say nothing themselves; `now`: for the patience that a node which
    is just being started deserves; without it there is none.
    """
    for pod in pods:
        if is_deleting(pod):
            continue
        problem = (
            _scheduling_problem(pod, heard, now) or _waiting_problem(pod) or _reported_problem(pod, heard)
        )
        if problem is not None:
            return problem
    return None


def is_silent(pod: Object) -> bool:
    """Whether the pod has a node, yet no container of it has done anything: only Events tell why."""
    idle = all(
        not state.keys() & {"running", "terminated"}
        and (state.get("waiting") or {}).get("reason") in _SILENT_WAITS
        for state in _states(pod)
    )
    return not is_deleting(pod) and status_of(pod).get("phase") in (None, "Pending") and idle


def is_unscheduled(pod: Object) -> bool:
    """Whether the scheduler finds no node for the pod."""
    scheduled = condition_of(pod, "PodScheduled")
    return (
        scheduled is not None
        and scheduled["status"] == "False"
        and scheduled.get("reason") == "Unschedulable"
        and not is_deleting(pod)
    )


def claims_of(pod: Object) -> list[str]:
    """Names of the claims that the pod mounts."""
    volumes = (pod.get("spec") or {}).get("volumes") or ()
    return [volume["persistentVolumeClaim"]["claimName"] for volume in volumes]


def eviction(pod: Object) -> Problem | None:
    """Why the kubelet has put the pod out, None where it has not."""
    if not is_evicted(pod):
        return None
    said = essence(status_of(pod).get("message") or "the node lacked resources")
    reason = Reason.DISK_FULL if _OWN_LIMIT.search(said) else Reason.EVICTED
    return Problem(reason, sentence(reason, f"The node has put the pod out: {said}"))


def is_evicted(pod: Mapping[str, Any]) -> bool:
    """Whether the kubelet has put the pod out, or has not let it in."""
    status = status_of(pod)
    reason = str(status.get("reason") or "")
    # OutOfephemeral-storage and its like: the scheduler had counted on room that the node does not have.
    return status.get("phase") == "Failed" and (reason == "Evicted" or reason.startswith("OutOf"))


def evicted_at(pod: Object) -> datetime:
    """When that was: the newest time that the kubelet has written, else that of the pod's creation."""
    conditions = status_of(pod).get("conditions") or ()
    times = [each["lastTransitionTime"] for each in conditions if each.get("lastTransitionTime")]
    return max(parse_time(time) for time in times or [pod["metadata"]["creationTimestamp"]])


def turned_away(pod: Mapping[str, Any]) -> Problem | None:
    """Why the node has refused the pod that it was to run, None where it has not.

    No device of those promised is healthy, the node shuts down, its labels fit no longer: the kubelet fails
    such a pod (`UnexpectedAdmissionError`, `NodeAffinity`, `NodeShutdown`, ...) before a container begins.
    """
    status = status_of(pod)
    began = any("running" in state or "terminated" in state for state in _states(pod))
    if status.get("phase") != "Failed" or not status.get("reason") or is_evicted(pod) or began:
        return None
    text = f"The node has refused the pod: {essence(status.get('message') or status['reason'])}"
    return Problem(Reason.POD_TURNED_AWAY, sentence(Reason.POD_TURNED_AWAY, text))


def held_open_by(pod: Object) -> str | None:
    """A container that is not the Job's and goes on although those have ended, None where the pod can end."""
    if termination(pod) is None or status_of(pod).get("phase") != "Running":
        return None
    for status in _main_statuses(pod):
        if status["name"] not in steps.ALL and "running" in (status.get("state") or {}):
            return str(status["name"])
    return None


def init_problem(pod: Object) -> Problem | None:
    """The init container of somebody else that has failed, None where none has."""
    for status in _init_statuses(pod):
        if status["name"] in steps.ALL:
            continue
        ended = (status.get("state") or {}).get("terminated") or (status.get("lastState") or {}).get(
            "terminated"
        )
        if ended and ended.get("exitCode") and not status.get("ready"):
            text = f"The init container {status['name']} ended with exit status {ended['exitCode']}"
            said = essence(ended.get("message") or "")
            text = f"{text}: {said}" if said else text
            return Problem(Reason.INIT_CONTAINER_FAILED, sentence(Reason.INIT_CONTAINER_FAILED, text))
    return None


def crash_problem(pods: Iterable[Object]) -> Problem | None:
    """Why a container that is not ready has ended before, in its own words where it left some."""
    return next((problem for problem, _ in crashes(pods)), None)


def crashes(pods: Iterable[Object]) -> Iterator[tuple[Problem, str]]:
    """Why and when each container has ended that is not ready, or that finds no files to start with."""
    for pod in pods:
        lost = _lost_part(pod)
        if lost is not None:
            yield lost, ""
        for status in () if is_evicted(pod) else _main_statuses(pod):
            ended = (status.get("state") or {}).get("terminated") or (status.get("lastState") or {}).get(
                "terminated"
            )
            if ended and not status.get("ready") and not is_deleting(pod):
                yield _server_end(ended), str(ended.get("finishedAt") or "")


def _lost_part(pod: Object) -> Problem | None:
    """A server whose namespace has no part of the volume any more."""
    for status in _main_statuses(pod):
        said = str(((status.get("state") or {}).get("waiting") or {}).get("message") or "")
        if _NO_PART in said:
            text = f"The volume shows no part of this namespace any more ({essence(said)})"
            return Problem(Reason.ARTIFACT_MISSING, sentence(Reason.ARTIFACT_MISSING, text))
    return None


def termination(pod: Object) -> Mapping[str, Any] | None:
    """How a Job's pod has ended (`exitCode`, `reason`, `message`, ...), None while it has not.

    Its containers run one after the other: the first that failed speaks for all, else the last one.
    """
    ends = [
        (status.get("state") or {}).get("terminated")
        for status in _container_statuses(pod)
        if status["name"] in steps.ALL
    ]
    failed = next((end for end in ends if end and end["exitCode"] != 0), None)
    last: Mapping[str, Any] | None = failed or (ends[-1] if ends and _in_containers(pod) else None)
    return last


def has_ended(pod: Object) -> bool:
    """Whether the pod does nothing more: it has ended, or was evicted before it began."""
    return status_of(pod).get("phase") in ENDED_PHASES or termination(pod) is not None


def _in_containers(pod: Object) -> bool:
    return any(each["name"] in steps.ALL for each in _main_statuses(pod))


def termination_report(ended: Mapping[str, Any]) -> Mapping[str, Any]:
    """The JSON object a container left as its termination message; empty where it left none."""
    try:
        report = loads(ended.get("message") or "")
    except ValueError:
        return {}
    return taken_down(report) if isinstance(report, dict) and report.keys() & _OF_A_REPORT else {}


def termination_log(ended: Mapping[str, Any]) -> str:
    """The end of the log of what failed, at most 1500 characters; empty where there is none.

    A container that left no report has the last lines of its log in the report's place
    (terminationMessagePolicy FallbackToLogsOnError).
    """
    report = termination_report(ended)
    log = str(report.get("log") or "") if report else str(ended.get("message") or "")
    return printable(log).strip()[-_LONGEST_LOG:].strip()


def working_container(pod: Object) -> str | None:
    """The container of a Job's pod that is at work, None where none is."""
    if is_deleting(pod):
        return None
    running = (each["name"] for each in _container_statuses(pod) if "running" in (each.get("state") or {}))
    return next((name for name in running if name in steps.ALL), None)


def _states(pod: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The `state` of every container that the kubelet has told of."""
    return [status.get("state") or {} for status in _container_statuses(pod)]


def _container_statuses(pod: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    """Of the containers that run one after the other first, then of the others."""
    return [*_init_statuses(pod), *_main_statuses(pod)]


def _main_statuses(pod: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    return status_of(pod).get("containerStatuses") or ()


def _init_statuses(pod: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    return status_of(pod).get("initContainerStatuses") or ()


def _reported_problem(pod: Object, heard: Heard) -> Problem | None:
    complaint = heard.get(uid_of(pod))
    if complaint is None or not is_silent(pod) or complaint.reason is Reason.NODE_STARTING:
        return None
    if complaint.reason is Reason.IMAGE_PULLING:
        text = f"The node fetches the image: {complaint.message}"
    elif complaint.reason in (Reason.VOLUME_MOUNT_FAILED, Reason.CONFIG_MAP_NOT_FOUND):
        text = f"The pod waits for its volume: {complaint.message}"
    else:
        text = f"The pod's containers cannot start: {complaint.message}"
    return Problem(complaint.reason, sentence(complaint.reason, text))


def refusal(complaint: Complaint | None) -> Problem | None:
    """The API server's sentence about pods that a controller may not create."""
    if complaint is None or complaint.reason is not Reason.POD_CREATION_REFUSED:
        return None
    return Problem(complaint.reason, sentence(complaint.reason, f"No pod may be made: {complaint.message}"))


def _node_may_come(pod: Object, complaint: Complaint | None, now: datetime | None) -> bool:
    """Whether it is too early to say that no node takes the pod: an autoscaler may just be starting one."""
    scheduled = condition_of(pod, "PodScheduled")
    if now is None or scheduled is None or "lastTransitionTime" not in scheduled:
        return False
    promised = complaint is not None and complaint.reason is Reason.NODE_STARTING
    patience = _PROMISED_NODE_SECONDS if promised else _NODE_SECONDS
    return (now - parse_time(scheduled["lastTransitionTime"])).total_seconds() < patience


def _scheduling_problem(pod: Object, heard: Heard, now: datetime | None) -> Problem | None:
    if not is_unscheduled(pod):
        return None
    scheduled = condition_of(pod, "PodScheduled") or {}
    message = scheduled.get("message", "")
    if "persistentvolumeclaim" in message and "not found" in message:
        reason = Reason.CLAIM_NOT_FOUND
    elif "unbound" in message and "PersistentVolumeClaim" in message:
        reason = Reason.STORAGE_NOT_BOUND
        said = [heard[claim].message for claim in claims_of(pod) if claim in heard]
        message = f"{_essence(message)}: {said[0]}" if said else message
    elif _node_may_come(pod, heard.get(uid_of(pod)), now):
        reason = Reason.NODE_STARTING
        complaint = heard.get(uid_of(pod))
        hope = complaint.message if complaint is not None else "one may just be starting"
        return Problem(reason, f"No node takes the pod yet; {hope.rstrip('.')}. ({_essence(message)})")
    else:
        reason = Reason.UNSCHEDULABLE
    return Problem(reason, sentence(reason, f"No node takes the pod: {_essence(message)}"))


def _essence(message: str) -> str:
    """The scheduler's message without its words on preemption and the empty ones it puts at the end."""
    cut = message.split(" preemption:")[0].removesuffix(" no new claims to deallocate,")
    return cut.strip().removesuffix(".").removesuffix(". not found")


def _waiting_problem(pod: Object) -> Problem | None:
    failed = init_problem(pod)
    if failed is not None:
        return failed
    lost = _lost_part(pod)
    if lost is not None:
        return lost
    for status in (*_init_statuses(pod), *_container_statuses(pod)):
        waiting = (status.get("state") or {}).get("waiting") or {}
        kind, message = waiting.get("reason"), waiting.get("message", "")
        if kind in _IMAGE_WAITS:
            # The kubelet alternates between trying and waiting; both carry the same cause.
            cause = message.split("ErrImagePull: ", 1)[-1]
            text = f"The image {status.get('image')} cannot be pulled: {cause}"
            return Problem(Reason.IMAGE_PULL_FAILED, sentence(Reason.IMAGE_PULL_FAILED, text))
        if kind in _START_WAITS and _FOREIGN in message:
            return wrong_architecture(message)
        if kind in _START_WAITS:
            reason = _start_reason(message)
            return Problem(reason, sentence(reason, f"The container cannot start: {message}"))
    return None


def _start_reason(message: str) -> Reason:
    if lacking_config_map(message):
        return Reason.CONFIG_MAP_NOT_FOUND
    return Reason.SECRET_NOT_FOUND if "secret" in message.lower() else Reason.CONTAINER_NOT_STARTED


def wrong_architecture(said: str) -> Problem:
    """The image is built for another processor than the node has."""
    line = next((line for line in said.splitlines() if _FOREIGN in line), said)
    text = f"The image cannot run on this node's processor: {essence(line)}"
    return Problem(Reason.WRONG_ARCHITECTURE, sentence(Reason.WRONG_ARCHITECTURE, text))


def is_foreign(ended: Mapping[str, Any]) -> bool:
    """Whether the container has ended because the node cannot run its program."""
    return _FOREIGN in str(ended.get("message") or "")


def _server_end(ended: Mapping[str, Any]) -> Problem:
    if is_foreign(ended):
        return wrong_architecture(str(ended["message"]))
    report = termination_report(ended)
    if report.get("reason"):
        reason = known(str(report["reason"]), Reason.SERVER_CRASH_LOOPING)
        said = " ".join(str(report.get("message") or "").split())
        return Problem(reason, said or sentence(reason, "The server gave up"))
    if ended.get("reason") == "OOMKilled":
        reason = Reason.SERVER_OUT_OF_MEMORY
        return Problem(reason, sentence(reason, "The server was killed because it needs more memory"))
    reason = Reason.SERVER_CRASH_LOOPING
    return Problem(reason, sentence(reason, f"The server ended with exit status {ended.get('exitCode')}"))
