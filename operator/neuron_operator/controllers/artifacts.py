"""The controller of NeuronArtifacts."""

from neuron_operator.api.artifact import NeuronArtifact, parse_artifact
from neuron_operator.api.settings import Settings
from neuron_operator.artifacts.decide import decide
from neuron_operator.artifacts.figures import ending, of_artifact
from neuron_operator.artifacts.observed import Observed
from neuron_operator.artifacts.status import refused
from neuron_operator.controllers.controller import Controller, Part
from neuron_operator.execution.execute import Executor
from neuron_operator.reading.objects import Object
from neuron_operator.terms.kinds import NEURON_ARTIFACT
from neuron_operator.world import fleet, metrics
from neuron_operator.world.observe import Observer


def artifact_controller(
    observer: Observer, executor: Executor, settings: Settings
) -> Controller[NeuronArtifact, Observed]:
    """Brings NeuronArtifacts closer to being published, or to being gone."""
    part = Part(
        kind=NEURON_ARTIFACT,
        parse=lambda body: parse_artifact(body, settings),
        observe=lambda body, _: observer.around_artifact(body),
        decide=decide,
        refused=refused,
        censuses=[metrics.Census(metrics.ARTIFACTS, metrics.phase_of)],
        fleet=fleet.ARTIFACTS,
        figures=of_artifact,
        wrote=_count_ending,
    )
    return Controller(part, observer, executor, settings)


def _count_ending(artifact: NeuronArtifact, status: Object) -> None:
    ended = ending(artifact, status)
    if ended is not None:
        metrics.count_ending(ended)
