"""The most memory that a compiler is given: no more than the node has that it is meant for. Pure."""

from dataclasses import dataclass

from neuron_contract.instances import INSTANCES, memory_for_one_pod

from neuron_operator.api.settings import Settings
from neuron_operator.reading.objects import Object
from neuron_operator.reading.quantities import parse

_TYPE_LABEL = "node.kubernetes.io/instance-type"


@dataclass(frozen=True)
class Ceiling:
    """The most memory, as a quantity, and in words who says so and what to do about it."""

    memory: str
    words: str


def ceiling_of(job: Object, settings: Settings) -> Ceiling:
    """The ceiling of a compile Job: the chart's, or lower where its pod is bound to one type of node."""
    selector = job["spec"]["template"]["spec"].get("nodeSelector") or {}
    instance = INSTANCES.get(selector.get(_TYPE_LABEL, ""))
    most = settings.max_memory
    if instance is not None:
        node = f"{memory_for_one_pod(instance)}Mi"
        if parse(node) < parse(most):
            return Ceiling(
                node,
                f"a node of type {selector[_TYPE_LABEL]} has {node} for one pod: choose a larger type or "
                f"smaller buckets, or compile on an ordinary node (spec.compile.runsOn: CPU).",
            )
    return Ceiling(most, f"compile.maxMemory of the chart is {most}: raise it, or choose smaller buckets.")
