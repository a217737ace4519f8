"""Which of a model's wishes hold for a target: on the CPU, in its stead, not those for an accelerator."""

from collections.abc import Mapping

from neuron_operator.api.model import NeuronModel
from neuron_operator.api.spec import Placement, Resources
from neuron_operator.builders.resources import is_device
from neuron_operator.targets import is_accelerated


def placement_for(model: NeuronModel, target: str) -> Placement:
    """Where pods for that target run: on nodes with accelerators only if they use one."""
    return Placement() if _in_its_stead(model, target) else model.serving.placement


def resources_for(model: NeuronModel, own: Resources, target: str) -> Resources:
    """The user's resources for that target, without the devices that it does not use."""
    if not _in_its_stead(model, target):
        return own
    return Resources(requests=_without_devices(own.requests), limits=_without_devices(own.limits))


def _in_its_stead(model: NeuronModel, target: str) -> bool:
    return is_accelerated(model.target) and not is_accelerated(target)


def _without_devices(quantities: Mapping[str, str]) -> dict[str, str]:
    return {name: amount for name, amount in quantities.items() if not is_device(name)}
