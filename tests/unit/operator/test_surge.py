"""How many servers may come and go at once, where they go, and what a full node means for it."""

import json
from typing import Any

import pytest
from neuron_operator.reading.objects import Object, labels_of
from neuron_operator.terms import labels
from unit.operator.model_world import World, kinds, serving
from unit.operator.rollout_world import new_env, rolling, template, too_late
from unit.operator.worlds import condition, pod


def strategy(**spec: Any) -> Object:
    return dict(serving(**spec).the("Deployment")["spec"]["strategy"]["rollingUpdate"])


@pytest.mark.parametrize(
    ("rollout", "becomes"),
    [
        ({}, {"maxSurge": 1, "maxUnavailable": 0}),
        ({"maxSurge": 3}, {"maxSurge": 3, "maxUnavailable": 0}),
        ({"maxUnavailable": 1}, {"maxSurge": 1, "maxUnavailable": 1}),
        ({"maxSurge": 0}, {"maxSurge": 0, "maxUnavailable": 1}),
        ({"maxSurge": "0%"}, {"maxSurge": "0%", "maxUnavailable": 1}),
        ({"maxUnavailable": "25%"}, {"maxSurge": 1, "maxUnavailable": "25%"}),
        ({"maxSurge": 0, "maxUnavailable": 1}, {"maxSurge": 0, "maxUnavailable": 1}),
    ],
)
def test_how_many_may_come_and_go_is_the_models_to_say(rollout: Object, becomes: Object) -> None:
    assert strategy(rollout=rollout) == becomes


@pytest.mark.parametrize(
    ("rollout", "size", "seconds"),
    [({}, 0, 1800), ({}, 30_000_000_000, 3900), ({"progressDeadlineSeconds": 60}, 30_000_000_000, 60)],
)
def test_the_deadline_follows_what_the_servers_have_to_read(rollout: Object, size: int, seconds: int) -> None:
    world = World(rollout=rollout)
    world.reconcile()
    world.publish(sizeBytes=size)
    world.reconcile()
    assert world.the("Deployment")["spec"]["progressDeadlineSeconds"] == seconds
    assert json.loads(world.the("Deployment")["metadata"]["annotations"][labels.TEMPLATE])


def waits_for_a_device(world: World) -> None:
    said = "0/2 nodes are available: 2 Insufficient aws.amazon.com/neuroncore. preemption: 0/2 nodes"
    waiting = pod(
        owner="replicaset",
        container="server",
        conditions=(condition("PodScheduled", "False", "Unschedulable", said, age=60),),
    )
    waiting["metadata"]["labels"] = dict(labels_of(template(world)))
    world.pods = [waiting]


def test_a_new_server_without_a_spare_device_loses_nothing_and_says_which_field_allows_the_other_order() -> (
    None
):
    world = serving()
    before = template(world)
    new_env(world)
    world.reconcile()
    rolling(world)
    waits_for_a_device(world)
    assert kinds(world.reconcile()) == []
    assert world.says("ServingReady") == ("True", "NoSpareDevice")
    message = world.condition("ServingReady")["message"]
    assert "No node has aws.amazon.com/neuroncore to spare" in message
    assert "spec.rollout.maxSurge to 0 and maxUnavailable to 1" in message
    assert (world.says()[0], world.says("Reconciling")[0]) == ("True", "True")
    too_late(world)
    world.reconcile()
    assert template(world) == before
    assert world.status["rolledBack"]["reason"] == "NoSpareDevice"


@pytest.mark.parametrize("ready", [0, 1])
def test_a_server_that_waits_for_a_device_without_a_change_under_way_wants_a_node(ready: int) -> None:
    world = serving(replicas=2)
    waits_for_a_device(world)
    world.the("Deployment")["status"] |= {"replicas": 2, "updatedReplicas": 2, "readyReplicas": ready}
    world.reconcile()
    assert world.says("ServingReady")[1] == "Unschedulable"


def test_servers_are_spread_over_nodes_unless_the_model_says_how() -> None:
    (spread,) = template(serving())["spec"]["topologySpreadConstraints"]
    assert (spread["topologyKey"], spread["whenUnsatisfiable"]) == (
        "kubernetes.io/hostname",
        "ScheduleAnyway",
    )
    zones = {"topologyKey": "zone", "maxSkew": 2, "whenUnsatisfiable": "DoNotSchedule"}
    world = serving(serving={"topologySpreadConstraints": [zones]})
    (own,) = template(world)["spec"]["topologySpreadConstraints"]
    assert own == zones | {"labelSelector": spread["labelSelector"]}


def test_servers_of_an_operator_that_spread_none_stay_where_they_are() -> None:
    world = serving()
    deployment = world.the("Deployment")
    annotations = deployment["metadata"]["annotations"]
    kept = json.loads(annotations[labels.TEMPLATE])
    for one in (kept, deployment["spec"]["template"]):
        del one["spec"]["topologySpreadConstraints"]
        del one["metadata"]["labels"][labels.TEMPLATE_HASH]
    annotations[labels.TEMPLATE] = json.dumps(kept, sort_keys=True, separators=(",", ":"))
    before = template(world)
    world.reconcile()
    assert template(world) == before
