"""What a decision on a NeuronModel is made from."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from neuron_operator.reading.complaints import Heard
from neuron_operator.reading.nodes import Offer
from neuron_operator.reading.objects import Object


@dataclass(frozen=True)
class Observed:
    """Everything around one NeuronModel.

    `artifacts`: by name, those it may want and the one it serves; `first_users`: by artifact, the model that
    decides on its changeable fields; `offers`: the nodes that advertise extended resources, and which;
    `cordoned`: the nodes that no pod may come to; `heard`: what Events say of the pods and their claims.
    """

    artifacts: Mapping[str, Object]
    first_users: Mapping[str, str]
    claim: Object | None = None
    deployment: Object | None = None
    service: Object | None = None
    autoscaler: Object | None = None
    disruption_budget: Object | None = None
    pods: Sequence[Object] = ()
    offers: Sequence[Offer] = ()
    cordoned: Collection[str] = frozenset()
    heard: Heard = field(default_factory=dict)
