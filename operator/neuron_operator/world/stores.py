"""Every store there is: what the operator knows of the cluster, as decisions look for it."""

from dataclasses import dataclass, field

from neuron_operator.reading.objects import Object
from neuron_operator.world.store import COMPRESSED, PACKED, Store, Users


def _packed() -> Store[Object]:
    return Store(PACKED)


def _compressed() -> Store[Object]:
    return Store(COMPRESSED)


@dataclass(frozen=True)
class Stores:
    """By namespace and name, but for users (by artifact) and pods (by component and parent)."""

    models: Store[Object] = field(default_factory=_packed)
    users: Users = field(default_factory=Users)
    artifacts: Store[Object] = field(default_factory=_packed)
    jobs: Store[Object] = field(default_factory=Store)
    pods: Store[Object] = field(default_factory=Store)
    deployments: Store[Object] = field(default_factory=_compressed)
    services: Store[Object] = field(default_factory=_packed)
    autoscalers: Store[Object] = field(default_factory=_packed)
    disruption_budgets: Store[Object] = field(default_factory=_packed)
    claims: Store[Object] = field(default_factory=Store)
    nodes: Store[Object] = field(default_factory=Store)
