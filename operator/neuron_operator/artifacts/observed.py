"""What surrounds one NeuronArtifact."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from neuron_operator.reading.complaints import Heard
from neuron_operator.reading.objects import Object
from neuron_operator.reading.progress import Progress


@dataclass(frozen=True)
class Observed:
    """Everything around one NeuronArtifact.

    `retries`: what the retry annotations of the artifact and of its users say, each as `kind/name=value`;
    `heard`: what Events say of the Jobs, the pods and the claim;
    `users`: sorted names of the models that want or serve it; `progress`: of the pod at work, where known;
    `servers`: pods that have it loaded, or try to; `shares_files`: another NeuronArtifact, which stays, has
    the same files.
    """

    body: Object
    compile_job: Object | None
    collect_job: Object | None
    compile_pods: Sequence[Object]
    collect_pods: Sequence[Object]
    users: Sequence[str]
    verify_job: Object | None = None
    verify_pods: Sequence[Object] = ()
    scrub_job: Object | None = None
    scrub_pods: Sequence[Object] = ()
    claim: Object | None = None
    progress: Progress | None = None
    shares_files: bool = False
    retries: Sequence[str] = ()
    servers: Sequence[Object] = ()
    heard: Heard = field(default_factory=dict)
