"""Whether an artifact may have files in the store: a fact that status keeps, once it is known. Pure."""

from neuron_operator.api.artifact import NeuronArtifact
from neuron_operator.artifacts.observed import Observed
from neuron_operator.reading.objects import Object, status_of


def files_may_exist(artifact: NeuronArtifact, observed: Observed) -> bool:
    """Whether a container of the artifact has ever run.

    The phase does not tell: an artifact that is compiled is Pending again while no node takes its next pod.
    """
    return (
        bool(artifact.status.get("filesMayExist"))
        or bool(artifact.status.keys() & {"completedAt", "verification"})
        or any(_has_run(pod) for pod in (*observed.compile_pods, *observed.verify_pods))
        or any(_has_ended(job) for job in (observed.compile_job, observed.verify_job) if job is not None)
    )


def _has_run(pod: Object) -> bool:
    said = status_of(pod)
    containers = (*(said.get("initContainerStatuses") or ()), *(said.get("containerStatuses") or ()))
    return any(
        container.get("restartCount") or (container.get("state") or {}).keys() & {"running", "terminated"}
        for container in containers
    )


def _has_ended(job: Object) -> bool:
    """Whether pods of the Job have ended; those may be gone that would tell more."""
    counted = status_of(job)
    return bool(counted.get("succeeded") or counted.get("failed"))
