"""Removing an artifact's files, once nobody uses it. Pure."""

from collections.abc import Sequence
from datetime import datetime

from neuron_operator.api import artifact as phases
from neuron_operator.api.artifact import NeuronArtifact
from neuron_operator.api.settings import Settings
from neuron_operator.artifacts.held import has_removed
from neuron_operator.artifacts.observed import Observed
from neuron_operator.artifacts.stage import LOOK_AGAIN_SECONDS, Step
from neuron_operator.artifacts.status import State, kept_results, last_problem
from neuron_operator.builders.jobs import collect_job
from neuron_operator.plans.plan import Apply
from neuron_operator.reading.objects import Object, controller_uid, is_deleting, is_true, parse_time, uid_of
from neuron_operator.reading.troubles import has_ended, refusal, start_problem
from neuron_operator.terms.reasons import Reason, sentence

RETRY_SECONDS = 300.0
"""How long a collect Job that has failed rests before it is tried again."""


def collect(artifact: NeuronArtifact, observed: Observed, settings: Settings, now: datetime) -> Step | None:
    """Remove the files; None once they are removed and the NeuronArtifact can go.

    Collecting, once begun, goes on to its end even if a NeuronModel wants the artifact again: files may be
    gone.
    """
    if artifact.phase != phases.COLLECTING:
        # Said before anything is removed: no model may begin to serve it.
        return Step(_collecting(artifact))
    at_work = [
        job
        for job in (observed.compile_job, observed.verify_job, observed.scrub_job)
        if job and not _finished(job)
    ]
    if at_work:
        gone = tuple(job for job in at_work if not is_deleting(job))
        return Step(_collecting(artifact), delete=gone, requeue=LOOK_AGAIN_SECONDS)
    if not (_ended(observed.compile_pods) and _ended(observed.verify_pods)):
        return Step(_collecting(artifact), requeue=LOOK_AGAIN_SECONDS)
    job = observed.collect_job
    if job is None:
        return Step(_collecting(artifact), apply=(Apply(collect_job(artifact, settings)),))
    if is_deleting(job):
        return Step(_collecting(artifact), requeue=LOOK_AGAIN_SECONDS)
    if controller_uid(job) != artifact.uid:
        return Step(_collecting(artifact), delete=(job,))
    own = [pod for pod in observed.collect_pods if controller_uid(pod) == uid_of(job)]
    if is_true(job, "Complete") or has_removed(own):
        return None
    problem = start_problem(observed.collect_pods, observed.heard) or refusal(observed.heard.get(uid_of(job)))
    if not is_true(job, "Failed"):
        if problem is None:
            return Step(_collecting(artifact))
        return Step(_collecting(artifact, problem.reason, problem.message))
    last = last_problem(artifact.status)
    if last is not None and last.reason is Reason.CLAIM_NOT_FOUND:
        return None  # The files went with their claim.
    reason = Reason.COLLECT_FAILED
    state = _collecting(artifact, reason, sentence(reason, "The artifact's files could not be removed"))
    finished_at = max(
        parse_time(condition["lastTransitionTime"]).timestamp() for condition in job["status"]["conditions"]
    )
    rest = finished_at + RETRY_SECONDS - now.timestamp()
    return Step(state, requeue=rest) if rest > 0 else Step(state, delete=(job,))


def _finished(job: Object) -> bool:
    return is_true(job, "Complete") or is_true(job, "Failed")


def _ended(pods: Sequence[Object]) -> bool:
    return all(has_ended(pod) for pod in pods)


def _collecting(
    artifact: NeuronArtifact,
    reason: Reason = Reason.ARTIFACT_BEING_COLLECTED,
    message: str = "No NeuronModel uses the artifact; its files are being removed.",
) -> State:
    return State(phases.COLLECTING, reason, message, kept_results(artifact.status))
