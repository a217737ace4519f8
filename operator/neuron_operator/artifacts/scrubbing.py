"""Looking at the files of a published artifact now and then, before a server misses them. Pure."""

from dataclasses import replace
from datetime import datetime

from neuron_operator.api.artifact import NeuronArtifact
from neuron_operator.api.settings import Settings
from neuron_operator.artifacts.healing import OF_FILES, heal, rests
from neuron_operator.artifacts.observed import Observed
from neuron_operator.artifacts.stage import LOOK_AGAIN_SECONDS, Step, standing
from neuron_operator.builders.jobs import scrub_job
from neuron_operator.plans.plan import Apply
from neuron_operator.reading.objects import (
    Object,
    controller_uid,
    format_time,
    is_deleting,
    is_true,
    parse_time,
    uid_of,
)
from neuron_operator.reading.troubles import Problem, termination, termination_report
from neuron_operator.terms.reasons import Reason, known

_LATE = 0.1
"""The part of the interval by which a look may be late; after more it waits for its artifact's turn."""


def scrub(artifact: NeuronArtifact, observed: Observed, settings: Settings, now: datetime) -> Step:
    """An artifact that is Ready stands; when it is its turn, a Job looks at its files."""
    stands, job = Step(standing(artifact)), observed.scrub_job
    if job is None:
        return _wait(artifact, stands, settings, now)
    if is_deleting(job):
        return replace(stands, requeue=LOOK_AGAIN_SECONDS)
    if controller_uid(job) != artifact.uid:
        return replace(stands, delete=(job,))
    ends = [termination(pod) for pod in observed.scrub_pods if controller_uid(pod) == uid_of(job)]
    end = next((end for end in ends if end is not None), None)
    if end is None and not (is_true(job, "Complete") or is_true(job, "Failed")):
        return stands
    report = {} if end is None else termination_report(end)
    reason = known(str(report.get("reason")), Reason.SETTLED)
    if reason in OF_FILES and not rests(artifact, now):
        said = Problem(reason, " ".join(str(report.get("message") or "").split()))
        step = heal(artifact, observed, said, now, finder="a scrub")
    else:
        # Whole, or not to be read just now, which says nothing of the files.
        step = stands
    return replace(step, state=replace(step.state, scrubbed_at=format_time(now)), delete=(*step.delete, job))


def _wait(artifact: NeuronArtifact, stands: Step, settings: Settings, now: datetime) -> Step:
    if not settings.storage.scrub_seconds or artifact.manifest_sha256 is None:
        return stands
    left = _seconds_left(artifact, settings.storage.scrub_seconds, now)
    if left > 0:
        return replace(stands, requeue=left)
    job: Object = scrub_job(artifact, settings)
    return replace(stands, apply=(Apply(job),))


def _seconds_left(artifact: NeuronArtifact, interval: int, now: datetime) -> float:
    """Until the next look. Where many are overdue, after an upgrade, their digests spread them."""
    last = max(str(artifact.status.get(key) or "") for key in ("completedAt", "scrubbedAt"))
    if last:
        late = (now - parse_time(last)).total_seconds() - interval
        if late <= interval * _LATE:
            return max(0.0, -late)
    into = (now.timestamp() - int(artifact.digest[:8], 16)) % interval
    return 0.0 if into <= interval * _LATE else interval - into
