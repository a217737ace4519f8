"""How a model's servers stand, read from its Deployment, its pods and its autoscaler. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from neuron_operator.reading.complaints import SILENCE, Complaint, Heard, essence
from neuron_operator.reading.conditions import AUTOSCALER_READY, FALSE, TRUE, UNKNOWN, Condition
from neuron_operator.reading.objects import Object, condition_of, is_true, parse_time, status_of
from neuron_operator.reading.troubles import (
    Problem,
    crash_problem,
    eviction,
    refusal,
    start_problem,
    turned_away,
)
from neuron_operator.terms.reasons import Reason, may_heal, sentence

OVERDUE = "ProgressDeadlineExceeded"
"""The reason that a Deployment gives for pods that have not become Ready in time."""
_BLIND_SECONDS = 120.0
_NO_DEVICE = re.compile(r"Insufficient ([\w.-]+/[\w.-]*\w)")
"""The scheduler's words for an extended resource, such as aws.amazon.com/neuroncore."""


@dataclass(frozen=True)
class Serving:
    """The servers. Replicas: `wanted`, `there` now, `ready`; `rolling`: an update is under way."""

    wanted: int
    there: int
    ready: int
    rolling: bool
    problem: Problem | None
    crashing: bool

    @property
    def answers(self) -> bool:
        """At least one server answers requests."""
        return self.ready > 0


def serving_of(
    deployment: Object | None,
    pods: Sequence[Object],
    *,
    wanted: int,
    changing: bool,
    was_rolling: bool,
    heard: Heard = SILENCE,
    now: datetime | None = None,
) -> Serving:
    """How the servers stand.

    `wanted`: replicas, as long as there is no Deployment to say so; `changing`: this reconcile changes the
    Deployment; `was_rolling`: what status said last, which stands
    until the Deployment's controller has seen the newest change.
    """
    if deployment is None:
        return Serving(wanted, 0, 0, rolling=True, problem=None, crashing=False)
    status, spec = status_of(deployment), deployment["spec"]
    wanted = spec.get("replicas", 1)
    replicas, ready = status.get("replicas", 0), status.get("readyReplicas", 0)
    seen = status.get("observedGeneration", 0) >= deployment["metadata"].get("generation", 0)
    rolling = changing or (status.get("updatedReplicas", 0) < replicas if seen else was_rolling)
    waiting = start_problem(pods, heard, now) or _refused(deployment) or _put_out(pods, Reason.EVICTED)
    waiting = waiting or _turned_away(pods)
    if waiting is not None and rolling and ready > 0:
        waiting = spare_wanted(waiting)
    again = _put_out(pods, Reason.DISK_FULL) or crash_problem(pods) or _stalled(deployment)
    problem = waiting or again
    if ready >= wanted and not rolling:
        problem = None
    crashing = waiting is None and problem is not None and not _passes(problem, deployment)
    return Serving(wanted, replicas, ready, rolling, problem, crashing)


def _passes(problem: Problem, deployment: Object) -> bool:
    """Whether servers end for what heals by itself, as while another's NeuronCores come free: for as long as
    the rollout has time.
    """
    return may_heal(problem.reason) and _stalled(deployment) is None


def _turned_away(pods: Sequence[Object]) -> Problem | None:
    """Why the newest pod's node has refused it: another follows, and may end alike."""
    newest = max(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")), default=None)
    return None if newest is None else turned_away(newest)


def _put_out(pods: Sequence[Object], reason: Reason) -> Problem | None:
    """The kubelet's sentence about a server that it has evicted for this, until a later one is ready."""
    born = sorted(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")), reverse=True)
    for pod in born:
        if is_true(pod, "Ready"):
            return None
        problem = eviction(pod)
        if problem is not None:
            return problem if problem.reason is reason else None
    return None


def spare_wanted(waiting: Problem) -> Problem:
    """What a new server that finds no node says while old ones serve: of devices, which order needs none."""
    found = _NO_DEVICE.search(waiting.message) if waiting.reason is Reason.UNSCHEDULABLE else None
    if found is None:
        return waiting
    reason = Reason.NO_SPARE_DEVICE
    text = f"No node has {found[1]} to spare for a new server while the old ones keep theirs"
    return Problem(reason, sentence(reason, text))


def _refused(deployment: Object) -> Problem | None:
    """Pods that the API server does not let the Deployment make, in its sentence."""
    failure = condition_of(deployment, "ReplicaFailure")
    if failure is None or failure["status"] != "True":
        return None
    return refusal(Complaint(Reason.POD_CREATION_REFUSED, essence(failure.get("message", ""))))


def patience_left(autoscaler: Object | None, now: datetime) -> float:
    """Seconds for which a blind autoscaler is no problem yet; 0 or less where it sees, or is one by now."""
    active = condition_of(autoscaler, "ScalingActive") if autoscaler is not None else None
    if active is None or active["status"] == "True":
        return 0.0
    since = parse_time(active["lastTransitionTime"])
    return (since + timedelta(seconds=_BLIND_SECONDS) - now).total_seconds()


def _stalled(deployment: Object) -> Problem | None:
    """A rollout that has run into its deadline without a pod saying why."""
    progressing = condition_of(deployment, "Progressing")
    if progressing is None or progressing.get("reason") != OVERDUE:
        return None
    reason = Reason.SERVER_NOT_READY
    return Problem(reason, sentence(reason, "The servers have not become ready in time"))


def autoscaler_condition(autoscaler: Object | None, now: datetime) -> Condition:
    """The condition AutoscalerReady: whether the autoscaler can compute a number of replicas.

    New pods have no metrics for a minute or so: an autoscaler that is blind for that long is no problem yet.
    """
    active = condition_of(autoscaler, "ScalingActive") if autoscaler is not None else None
    if active is None or (active["status"] != "True" and patience_left(autoscaler, now) > 0):
        message = "The HorizontalPodAutoscaler has not looked at the servers yet."
        return Condition(AUTOSCALER_READY, UNKNOWN, Reason.AUTOSCALER_PENDING, message)
    if active["status"] == "True":
        message = "The HorizontalPodAutoscaler follows its metrics."
        return Condition(AUTOSCALER_READY, TRUE, Reason.AUTOSCALER_ACTIVE, message)
    reason = Reason.AUTOSCALER_INACTIVE
    text = f"The HorizontalPodAutoscaler cannot scale: {active.get('message', '')}"
    return Condition(AUTOSCALER_READY, FALSE, reason, sentence(reason, text))
