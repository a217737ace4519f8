"""The PodDisruptionBudget of a model."""

from neuron_operator.api.model import NeuronModel
from neuron_operator.builders.metadata import controller_reference, whole_object
from neuron_operator.reading.objects import Object
from neuron_operator.terms import labels
from neuron_operator.terms.kinds import DISRUPTION_BUDGET, NEURON_MODEL


def disruption_budget(model: NeuronModel, *, holds: bool = False) -> Object:
    """One pod at a time may be evicted; one that is not Ready may always be, so that no drain hangs.

    `holds`: the only server may not be, before its successor is Ready.
    """
    return whole_object(
        DISRUPTION_BUDGET,
        name=model.name,
        namespace=model.namespace,
        labels_=labels.of_model(model.name),
        owner=controller_reference(NEURON_MODEL, model.name, model.uid),
        content={
            "spec": {
                **({"minAvailable": 1} if holds else {"maxUnavailable": 1}),
                "unhealthyPodEvictionPolicy": "AlwaysAllow",
                "selector": {"matchLabels": labels.server_selector(model.name)},
            }
        },
    )
