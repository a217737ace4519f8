"""Which changes wake which keys."""

import asyncio
from dataclasses import fields
from decimal import Decimal
from typing import Any

from kubernetes_asyncio import client
from neuron_operator.reading.nodes import Offer
from neuron_operator.runtime import Operator
from neuron_operator.world import metrics
from neuron_operator.world.indexes import Indexes
from unit.operator.worlds import NAMESPACE, SETTINGS, model_body


def waiting_keys() -> float:
    """Keys in the newest operator's queue."""
    (gauge,) = metrics.QUEUE_DEPTH.collect()
    return float(gauge.samples[0].value)


def test_a_node_wakes_models_that_may_fall_back_only_when_the_accelerators_have_changed() -> None:
    index: dict[str, dict[Any, Any]] = {field.name: {} for field in fields(Indexes)}

    async def scenario() -> list[float]:
        operator = Operator(SETTINGS, Indexes(**index), client.ApiClient())
        operator.node_changed()
        for name, fallback in (("flexible", "CPU"), ("strict", "Never")):
            index["models"][NAMESPACE, name] = [model_body(name, target="inf2", fallback=fallback)]
        operator.node_changed()
        heartbeat = waiting_keys()
        index["offers"]["node-1"] = [Offer("node-1", {}, {"aws.amazon.com/neuroncore": Decimal(2)})]
        operator.node_changed()
        arrival = waiting_keys()
        await operator.close()
        return [heartbeat, arrival]

    assert asyncio.run(scenario()) == [0, 1]
