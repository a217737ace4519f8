"""Published files that are lost or damaged: somebody finds it out, and they are compiled again. Pure."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from neuron_operator.api import artifact as phases
from neuron_operator.api.artifact import NeuronArtifact
from neuron_operator.artifacts.history import history_of
from neuron_operator.artifacts.observed import Observed
from neuron_operator.artifacts.stage import Step
from neuron_operator.artifacts.status import State, kept_results
from neuron_operator.reading.objects import format_time, is_deleting, parse_time
from neuron_operator.reading.troubles import Problem, crashes
from neuron_operator.terms.reasons import Reason

REST = timedelta(hours=1)
"""Files that are damaged again so soon are not compiled again: the volume needs somebody's hands."""

OF_FILES = (Reason.ARTIFACT_MISSING, Reason.ARTIFACT_CORRUPT)


def damage(artifact: NeuronArtifact, observed: Observed, now: datetime) -> Problem | None:
    """What a server has found of the files since they were published.

    None where none complains, or where an earlier damage was healed a short time ago.
    """
    return None if rests(artifact, now) else next(_complaints(artifact, observed), None)


def rests(artifact: NeuronArtifact, now: datetime) -> bool:
    """Whether an earlier damage was healed a short time ago."""
    healed = artifact.status.get("healedAt")
    return healed is not None and now - parse_time(healed) < REST


def heal(
    artifact: NeuronArtifact, observed: Observed, found: Problem, now: datetime, finder: str = "a server"
) -> Step:
    """The artifact is Ready no longer; a new compile Job looks at the files, and compiles what is not whole.

    Servers that have loaded it serve on: what is said of it stays until there is something else to say.
    """
    message = f"Looked at, and compiled again where that is needed, because {finder} says: {found.message}"
    state = State(
        phases.COMPILING, Reason.RETRYING, message, kept_results(artifact.status), history_of(artifact)
    )
    jobs = (observed.compile_job, observed.verify_job)
    finished = tuple(job for job in jobs if job is not None and not is_deleting(job))
    return Step(replace(state, healed_at=format_time(now)), delete=finished)


def _complaints(artifact: NeuronArtifact, observed: Observed) -> Iterator[Problem]:
    completed = artifact.status.get("completedAt")
    for problem, ended_at in crashes(observed.servers):
        late = not completed or not ended_at or parse_time(ended_at) > parse_time(completed)
        if problem.reason in OF_FILES and late:
            yield problem
