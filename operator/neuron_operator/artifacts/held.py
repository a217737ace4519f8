"""Jobs whose work is over while another container, as a mesh injects one, keeps their pod open. Pure.

Such a Job never ends by itself, and its pod would hold the node and its devices for ever.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from neuron_operator.api import artifact as phases
from neuron_operator.api.artifact import NeuronArtifact
from neuron_operator.artifacts.observed import Observed
from neuron_operator.artifacts.outcome import SIDECAR_SECONDS
from neuron_operator.artifacts.stage import Step
from neuron_operator.plans.plan import soonest
from neuron_operator.reading.objects import Object, controller_uid, is_deleting, is_true, parse_time, uid_of
from neuron_operator.reading.troubles import held_open_by, termination
from neuron_operator.terms.reasons import may_heal


def let_go(artifact: NeuronArtifact, observed: Observed, step: Step, now: datetime) -> Step:
    """The step, which also removes Jobs that are held open, once status says what they have come to."""
    said = step.state.phase == artifact.phase and artifact.phase in (phases.READY, phases.FAILED)
    resting = artifact.phase == phases.FAILED and may_heal(step.state.reason)
    if not said or resting or step.apply or step.delete:
        return step
    waits = dict(_held(observed, now))
    over = tuple(job for job in _jobs(observed) if waits.get(uid_of(job), 1.0) <= 0)
    left = (wait for wait in waits.values() if wait > 0)
    return replace(step, delete=over, requeue=soonest(step.requeue, *left))


def has_removed(pods: Sequence[Object]) -> bool:
    """Whether one of the pods has done what it was made for, though it may not have ended."""
    ends = (termination(pod) for pod in pods)
    return any(end is not None and end["exitCode"] == 0 for end in ends)


def _jobs(observed: Observed) -> Iterator[Object]:
    for job in (observed.compile_job, observed.verify_job):
        if job is not None and not (is_deleting(job) or is_true(job, "Complete") or is_true(job, "Failed")):
            yield job


def _held(observed: Observed, now: datetime) -> Iterator[tuple[str, float]]:
    """The uid of each Job whose pod is held open, and for how many seconds longer that is waited for."""
    for pod in (*observed.compile_pods, *observed.verify_pods):
        end = termination(pod)
        if end is not None and "finishedAt" in end and held_open_by(pod) is not None and not is_deleting(pod):
            age = (now - parse_time(end["finishedAt"])).total_seconds()
            yield str(controller_uid(pod)), SIDECAR_SECONDS - age
