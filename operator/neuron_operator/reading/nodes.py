"""What nodes offer: their Neuron devices and other extended resources. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from neuron_operator.reading import quantities
from neuron_operator.reading.objects import labels_of, name_of, status_of

_LEAVING = frozenset({"karpenter.sh/disrupted", "karpenter.sh/disruption", "ToBeDeletedByClusterAutoscaler"})
"""Taints of autoscalers that drain a node without cordoning it."""


@dataclass(frozen=True)
class Offer:
    """A node that advertises extended resources: its labels, and how much it can give of each."""

    node: str
    labels: Mapping[str, str]
    amounts: Mapping[str, Decimal]


def offer_of(body: Mapping[str, Any]) -> Offer | None:
    """What the node offers; None for a node that advertises nothing but what every node has."""
    allocatable = status_of(body).get("allocatable") or {}
    amounts = {
        resource: quantities.parse(str(amount))
        for resource, amount in allocatable.items()
        if "/" in resource and not resource.startswith("kubernetes.io/")
    }
    amounts = {resource: amount for resource, amount in amounts.items() if amount > 0}
    return Offer(name_of(body), dict(labels_of(body)), amounts) if amounts else None


def is_cordoned(body: Mapping[str, Any]) -> bool:
    """Whether no new pod may come, because those on the node are to leave: so a drain begins."""
    spec = body.get("spec") or {}
    taints = {taint.get("key") for taint in spec.get("taints") or ()}
    return bool(spec.get("unschedulable")) or not taints.isdisjoint(_LEAVING)
