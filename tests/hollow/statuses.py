"""From a pod and an outcome to the status that a kubelet would write. Pure."""

import json
from collections.abc import Mapping
from typing import Any

from neuron_contract import steps

from hollow.outcomes import Ends, Evicted, Outcome, Runs, Waits

Object = dict[str, Any]
_OWN = (*steps.ALL, "server")
_INITIALIZING: Object = {"waiting": {"reason": "PodInitializing"}}


def request_of(pod: Mapping[str, Any]) -> Object:
    """What the compile pod was asked to do; empty for any other pod."""
    for variable in pod["spec"]["containers"][0].get("env", []):
        if variable["name"] == "COMPILE_REQUEST":
            request: Object = json.loads(variable["value"])
            return request
    return {}


def keys_of(pod: Mapping[str, Any]) -> list[str]:
    """By what a test can name the pod, the most telling first.

    A compile pod has its model's uri; any other its artifact's digest, then its label app.kubernetes.io/name.
    """
    request = request_of(pod)
    if request:
        return [str(request["model"]["uri"])]
    labels = pod["metadata"].get("labels", {})
    return [labels[key] for key in ("neuron-operator.dev/digest", "app.kubernetes.io/name") if key in labels]


def running(pod: Mapping[str, Any], *, ready: bool, now: str, address: str) -> Object:
    """The status of a pod whose containers run."""
    return _status(pod, "Running", {"running": {"startedAt": now}}, ready=ready, now=now, address=address)


def status(pod: Mapping[str, Any], outcome: Outcome, *, now: str, address: str) -> Object:
    """The status of a pod once the outcome has come about.

    Args:
        pod: the pod as the API server has it.
        outcome: what became of its containers.
        now: the time, RFC 3339.
        address: the pod's IP address.
    """
    match outcome:
        case Runs(ready):
            return running(pod, ready=ready, now=now, address=address)
        case Ends():
            phase = "Failed" if outcome.exit_code else "Succeeded"
            if any(container["name"] not in _OWN for container in pod["spec"]["containers"]):
                phase = "Running"  # What is injected never ends, and neither does the pod.
            return _status(pod, phase, _terminated(pod, outcome, now), ready=False, now=now, address=address)
        case Evicted():
            killed = _terminated(pod, Ends(exit_code=137, reason="Error", message={}), now)
            found = _status(pod, "Failed", killed, ready=False, now=now, address=address)
            disrupted = {"type": "DisruptionTarget", "status": "True", "reason": "TerminationByKubelet"}
            if outcome.pressure:
                found["conditions"].append(
                    {**disrupted, "message": outcome.message, "lastTransitionTime": now}
                )
            return {**found, "reason": "Evicted", "message": outcome.message}
        case Waits():
            state = {"waiting": {"reason": outcome.reason, "message": outcome.message}}
            last = _terminated(pod, outcome.last, now) if outcome.last else {}
            phase = "Running" if outcome.last else "Pending"
            return _status(pod, phase, state, ready=False, now=now, address=address, last=last)


def _terminated(pod: Mapping[str, Any], end: Ends, now: str) -> Object:
    message = ""
    if end.message:
        digest = request_of(pod).get("digest")
        message = json.dumps({**end.message, "digest": digest} if digest else end.message)
    terminated = {"exitCode": end.exit_code, "reason": end.reason, "message": message}
    return {"terminated": {**terminated, "startedAt": now, "finishedAt": now}}


def _initial(pod: Mapping[str, Any], waiting: Object | None, now: str) -> Object:
    """Init containers: the first waits like this, and all others for it; else they have done their work."""
    done = {"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": now, "finishedAt": now}}
    statuses = [
        {
            "name": container["name"],
            "image": container["image"],
            "imageID": container["image"],
            "ready": waiting is None,
            "started": False,
            "restartCount": 0,
            "state": done if waiting is None else waiting if index == 0 else _INITIALIZING,
            "lastState": {},
        }
        for index, container in enumerate(pod["spec"].get("initContainers", ()))
    ]
    return {"initContainerStatuses": statuses} if statuses else {}


def _status(
    pod: Mapping[str, Any],
    phase: str,
    state: Object,
    *,
    ready: bool,
    now: str,
    address: str,
    last: Mapping[str, Any] | None = None,
) -> Object:
    started = "running" in state
    first = _initial(pod, state if phase == "Pending" else None, now)
    initialized = phase != "Pending" or not first
    conditions = {
        "PodReadyToStartContainers": True,
        "Initialized": initialized,
        "Ready": ready,
        "ContainersReady": ready,
    }
    reported = [
        {"type": kind, "status": str(true), "lastTransitionTime": now} for kind, true in conditions.items()
    ]
    return {
        "phase": phase,
        "startTime": pod.get("status", {}).get("startTime", now),
        "hostIP": address,
        "podIP": address,
        "podIPs": [{"ip": address}],
        "conditions": reported,
        **first,
        "containerStatuses": [
            {
                "name": container["name"],
                "image": container["image"],
                "imageID": container["image"],
                "ready": ready,
                "started": started,
                "restartCount": 5 if last else 0,
                "state": (state if container["name"] in _OWN else {"running": {"startedAt": now}})
                if initialized
                else _INITIALIZING,
                "lastState": last or {},
            }
            for container in pod["spec"]["containers"]
        ],
    }
