"""Which of a model's wishes hold for a target: on the CPU, in its stead, not those for an accelerator."""

from neuron_operator.api.model import NeuronModel
from neuron_operator.api.spec import Placement, Resources
from neuron_operator.builders.resources import without_devices
from neuron_operator.terms.targets import is_accelerated


def placement_for(model: NeuronModel, target: str) -> Placement:
    """Where pods for that target run: on nodes with accelerators only if they use one."""
    return Placement() if _in_its_stead(model, target) else model.serving.placement


def compile_placement_for(model: NeuronModel, target: str) -> Placement:
    """What is said of the compile pod alone; with compile.runsOn CPU it is about ordinary nodes."""
    compile_ = model.compile
    if _in_its_stead(model, target) and compile_.runs_on != "CPU":
        return Placement()
    return Placement(node_selector=compile_.node_selector, tolerations=compile_.tolerations)


def resources_for(model: NeuronModel, own: Resources, target: str) -> Resources:
    """The user's resources for that target, without the devices that it does not use."""
    return without_devices(own) if _in_its_stead(model, target) else own


def _in_its_stead(model: NeuronModel, target: str) -> bool:
    return is_accelerated(model.target) and not is_accelerated(target)
