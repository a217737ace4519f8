"""Which changes wake which keys."""

import asyncio
from dataclasses import fields
from typing import Any

from kubernetes_asyncio import client
from neuron_operator.reading.objects import Object
from neuron_operator.runtime import Operator
from neuron_operator.terms.kinds import NODE
from neuron_operator.world import metrics
from neuron_operator.world.indexes import Indexes
from unit.operator.worlds import NAMESPACE, SETTINGS, model_body

NODE_WITH_CORES: Object = {
    "kind": "Node",
    "metadata": {"name": "node-1", "uid": "uid-node-1", "resourceVersion": "1"},
    "status": {"allocatable": {"aws.amazon.com/neuroncore": "2"}},
}


def waiting_keys() -> float:
    """Keys in the newest operator's queue."""
    (gauge,) = metrics.QUEUE_DEPTH.collect()
    return float(gauge.samples[0].value)


def test_a_node_wakes_models_that_may_fall_back_only_when_the_accelerators_have_changed() -> None:
    index: dict[str, dict[Any, Any]] = {field.name: {} for field in fields(Indexes)}

    async def scenario() -> list[float]:
        operator = Operator(SETTINGS, Indexes(**index), client.ApiClient())
        operator.changed(NODE, NODE_WITH_CORES, gone=False)
        for name, fallback in (("flexible", "CPU"), ("strict", "Never")):
            index["models"][NAMESPACE, name] = [model_body(name, target="inf2", fallback=fallback)]
        operator.changed(NODE, NODE_WITH_CORES, gone=False)
        heartbeat = waiting_keys()
        index["offers"]["", "node-1"] = [NODE_WITH_CORES]
        operator.changed(NODE, NODE_WITH_CORES, gone=False)
        arrival = waiting_keys()
        await operator.close()
        return [heartbeat, arrival]

    assert asyncio.run(scenario()) == [0, 1]
