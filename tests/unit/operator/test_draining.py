"""A drain is never an outage, also with one server; and it is not held for ever."""

import copy
from dataclasses import replace
from typing import Any

import pytest
from neuron_operator.reading.objects import Object
from neuron_operator.terms import labels
from unit.operator.model_world import World, kinds, serving
from unit.operator.rollout_world import failed, new_image, rolling, settled, too_late
from unit.operator.worlds import SETTINGS, condition, pod


def server(name: str = "server-a", node: str = "node-1", ready: str = "True") -> Object:
    found = pod(owner="replicaset", container="server", name=name, conditions=(condition("Ready", ready),))
    found["spec"] = {"nodeName": node}
    return found


def on_a_node(**spec: Any) -> World:
    """A model whose only server is on node-1."""
    world = serving(replicas=spec.pop("replicas", 1), **spec)
    world.pods = [server()]
    world.reconcile()
    return world


def place(world: World) -> str:
    template = world.the("Deployment")["spec"]["template"]
    return str((template["metadata"].get("annotations") or {}).get(labels.MOVED, ""))


def budget(world: World) -> Object:
    spec = dict(world.the("PodDisruptionBudget")["spec"])
    return {key: value for key, value in spec.items() if key in ("minAvailable", "maxUnavailable")}


HELD, FREE = {"minAvailable": 1}, {"maxUnavailable": 1}


def test_the_only_server_is_not_evicted_and_of_several_one_may_be() -> None:
    world = on_a_node()
    assert budget(world) == HELD
    world.change(replicas=2)
    world.reconcile()
    world.reconcile()
    assert budget(world) == FREE


def test_the_successor_of_the_only_server_on_a_cordoned_node_comes_first() -> None:
    world = on_a_node()
    before = copy.deepcopy(world.the("Deployment")["spec"]["template"])
    world.cordoned = {"node-1"}
    assert kinds(world.reconcile()) == ["Deployment"]
    assert place(world) == "uid-server-a"
    after = copy.deepcopy(world.the("Deployment")["spec"]["template"])
    assert after["metadata"].pop("annotations") == {labels.MOVED: "uid-server-a"}
    assert after == before
    rolling(world)
    assert kinds(world.reconcile()) == []
    assert (world.says()[0], world.says("ServingReady")) == ("True", ("True", "Moving"))
    assert "node-1 is cordoned" in world.condition("ServingReady")["message"]
    assert budget(world) == HELD
    world.pods = [server(), server("server-b", "node-2")]
    assert kinds(world.reconcile()) == [], "the Deployment takes the old one away now"
    settled(world)
    world.pods = [server("server-b", "node-2")]
    assert kinds(world.reconcile()) == []
    assert world.says("UpToDate") == ("True", "Settled")
    world.cordoned = set()
    assert kinds(world.reconcile()) == [], "nor does it go back"


def test_a_drain_of_the_next_node_moves_it_again() -> None:
    world = on_a_node()
    world.cordoned = {"node-1"}
    world.reconcile()
    settled(world)
    world.pods = [server("server-b", "node-2")]
    world.cordoned = {"node-1", "node-2"}
    world.reconcile()
    assert place(world) == "uid-server-b"


def test_where_no_node_takes_the_successor_it_is_said_and_the_drain_is_held_no_longer_than_the_deadline() -> (
    None
):
    world = on_a_node()
    world.cordoned = {"node-1"}
    world.reconcile()
    rolling(world)
    said = condition("PodScheduled", "False", "Unschedulable", "0/2 nodes: 2 Insufficient cpu.", age=60)
    waiting = pod(owner="replicaset", container="server", name="server-b", conditions=(said,))
    world.pods = [server(), waiting]
    world.reconcile()
    message = world.condition("ServingReady")["message"]
    assert world.says("ServingReady") == ("True", "Unschedulable")
    assert "at most for spec.rollout.progressDeadlineSeconds" in message
    assert budget(world) == HELD
    too_late(world)
    assert kinds(world.reconcile()) == ["PodDisruptionBudget"]
    assert budget(world) == FREE
    assert "is no longer held" in world.condition("ServingReady")["message"]
    assert "rolledBack" not in world.status, "nothing of the spec has failed"
    assert place(world) == "uid-server-a"
    world.pods = [waiting]
    world.the("Deployment")["status"] |= {"replicas": 1, "readyReplicas": 0}
    world.reconcile()
    assert world.says()[0] == "False"


def test_a_server_whose_node_is_cordoned_while_an_artifact_is_prepared_moves_as_it_is() -> None:
    world = on_a_node()
    world.change(compile={"batchSizes": [4]})
    world.reconcile()
    served = world.served_digest()
    world.cordoned = {"node-1"}
    assert kinds(world.reconcile()) == ["Deployment"]
    assert (place(world), world.served_digest()) == ("uid-server-a", served)
    assert kinds(world.reconcile()) == []
    settled(world)
    world.publish()
    world.reconcile()
    assert world.served_digest() != served


def test_what_was_taken_back_is_not_tried_again_because_its_node_is_drained() -> None:
    world = failed(new_image, serving(replicas=1))
    settled(world)
    world.pods = [server()]
    world.cordoned = {"node-1"}
    world.reconcile()
    container = world.the("Deployment")["spec"]["template"]["spec"]["containers"][0]
    assert (place(world), container["image"]) == ("uid-server-a", "example.org/triton:1")
    settled(world)
    assert world.says("UpToDate") == ("False", "RolledBack")


def test_a_rollout_after_a_drain_that_fails_goes_back_and_stays_where_it_is() -> None:
    world = on_a_node()
    world.cordoned = {"node-1"}
    world.reconcile()
    settled(world)
    world.cordoned = set()
    before = copy.deepcopy(world.the("Deployment")["spec"]["template"])
    failed(new_image, world)
    assert world.the("Deployment")["spec"]["template"] == before


def test_a_restart_that_was_asked_for_and_a_drain_get_along() -> None:
    world = on_a_node()
    world.body["metadata"]["annotations"] = {labels.RESTART: "1"}
    world.reconcile()
    settled(world)
    world.pods = [server()]
    world.cordoned = {"node-1"}
    world.reconcile()
    annotations = world.the("Deployment")["spec"]["template"]["metadata"]["annotations"]
    assert annotations == {labels.RESTART: "1", labels.MOVED: "uid-server-a"}


EXISTS = {"tolerations": [{"operator": "Exists"}]}
CORDON = {"tolerations": [{"key": "node.kubernetes.io/unschedulable", "operator": "Exists"}]}
NEURON = {"tolerations": [{"key": "aws.amazon.com/neuron", "operator": "Exists"}]}


@pytest.mark.parametrize(
    ("spec", "moves"),
    [
        ({}, True),
        ({"replicas": 2}, False),
        ({"autoscaling": {"type": "External"}, "replicas": None}, True),
        ({"autoscaling": {"horizontalPodAutoscaler": {}}, "replicas": None}, True),
        ({"autoscaling": {"horizontalPodAutoscaler": {"minReplicas": 2}}, "replicas": None}, False),
        ({"rollout": {"maxSurge": 0, "maxUnavailable": 1}}, False),
        ({"rollout": {"maxUnavailable": "100%"}}, False),
        ({"rollout": {"maxUnavailable": "99%"}}, True),
        ({"serving": NEURON}, True),
        # A successor might come to the very node, and so for ever.
        ({"serving": EXISTS}, False),
        ({"serving": CORDON}, False),
    ],
)
def test_who_moves(spec: Object, moves: bool) -> None:
    world = on_a_node(**{"replicas": 1} | spec)
    world.cordoned = {"node-1"}
    world.reconcile()
    assert bool(place(world)) is moves
    world.reconcile()
    assert (budget(world) == HELD) is moves


@pytest.mark.parametrize("change", [{"fallback_allowed": False}, {"drains_successor": False}])
def test_where_the_chart_does_not_allow_it_no_drain_is_held(change: Any) -> None:
    world = World(settings=replace(SETTINGS, **change), replicas=1)
    world.reconcile()
    world.publish()
    world.reconcile()
    settled(world)
    world.pods = [server()]
    world.cordoned = {"node-1"}
    assert kinds(world.reconcile()) == []
    assert budget(world) == FREE


def test_a_server_that_is_not_ready_or_already_leaves_needs_no_successor() -> None:
    world = on_a_node()
    world.pods = [server(ready="False")]
    world.cordoned = {"node-1"}
    assert kinds(world.reconcile()) == []
    leaves = server()
    leaves["metadata"]["deletionTimestamp"] = "2026-01-01T12:00:00Z"
    world.pods = [leaves]
    assert kinds(world.reconcile()) == []
