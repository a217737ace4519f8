"""The controller of NeuronModels."""

from neuron_operator.api.model import NeuronModel, parse_model
from neuron_operator.api.settings import Settings
from neuron_operator.controllers.controller import Controller, Part
from neuron_operator.execution.execute import Executor
from neuron_operator.models.decide import decide
from neuron_operator.models.figures import of_model
from neuron_operator.models.observed import Observed
from neuron_operator.models.status import outdated_image, refused
from neuron_operator.terms.kinds import NEURON_MODEL
from neuron_operator.world import fleet, metrics
from neuron_operator.world.observe import Observer


def model_controller(
    observer: Observer, executor: Executor, settings: Settings
) -> Controller[NeuronModel, Observed]:
    """Brings NeuronModels closer to what they ask for."""
    part = Part(
        kind=NEURON_MODEL,
        parse=parse_model,
        observe=lambda _, model: observer.around_model(model),
        decide=decide,
        refused=refused,
        censuses=[
            metrics.Census(metrics.MODELS, metrics.phase_of),
            metrics.Census(metrics.IMAGE_OUTDATED, outdated_image),
        ],
        fleet=fleet.MODELS,
        figures=of_model,
    )
    return Controller(part, observer, executor, settings)
