"""Whether some node can run a model's servers on its accelerator. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from neuron_operator.api.model import NeuronModel
from neuron_operator.api.settings import Settings
from neuron_operator.builders import pods
from neuron_operator.builders.resources import container_resources, is_device
from neuron_operator.reading import quantities
from neuron_operator.reading.nodes import Offer
from neuron_operator.terms.targets import family_of, target_of_instance

_INSTANCE_TYPE = "node.kubernetes.io/instance-type"


@dataclass(frozen=True)
class Demand:
    """What one server asks of its node: a target's device, so much of each resource, and these labels."""

    target: str
    devices: Mapping[str, Decimal]
    labels: Mapping[str, str]

    def __str__(self) -> str:
        devices = " and ".join(f"{amount} {name}" for name, amount in sorted(self.devices.items()))
        labels = ", ".join(f"{name}={value}" for name, value in sorted(self.labels.items()))
        return f"{devices} of {self.target}" + (f" with the labels {labels}" if labels else "")

    def is_met_by(self, offers: Iterable[Offer]) -> bool:
        """Whether one of the nodes has all of it. A node of unknown type is taken at its word."""
        return any(self._fits(offer) for offer in offers)

    def _fits(self, offer: Offer) -> bool:
        if target_of_instance(offer.labels.get(_INSTANCE_TYPE, "")) not in (None, self.target):
            return False
        enough = all(offer.amounts.get(name, 0) >= amount for name, amount in self.devices.items())
        return enough and self.labels.items() <= offer.labels.items()


def demand_of(model: NeuronModel, settings: Settings) -> Demand:
    """What a server of the model asks of its node for the model's own target."""
    limits = container_resources(
        model.serving.resources,
        settings.server_resources.get(family_of(model.target)),
        target=model.target,
        cores=model.serving.cores,
        accelerator=settings.accelerator,
    )["limits"]
    placed = pods.placement_fields(model.serving.placement, settings.placement.get(model.target))
    devices = {
        name: quantities.parse(amount)
        for name, amount in limits.items()
        if is_device(name) or name == settings.accelerator.resource_name
    }
    return Demand(model.target, devices, placed.get("nodeSelector") or {})
