"""Against the real Deployment controller: what fails goes, what served stays, and a drain finds no gap."""

from collections.abc import Iterator

import pytest
from apiserver.conftest import Worlds
from hollow import RUNNING, HollowNode, objects, published
from hollow.outcomes import Ends, Waits
from hollow.recorder import Recorder
from hollow.world import MODELS, World
from support.kube import Kube, Object, condition
from support.wait import eventually

LOAD_FAILED = Ends(1, "Error", {"reason": "LoadFailed", "message": "LoadFailed, says the server."})
CRASHING = Waits("CrashLoopBackOff", "back-off", last=LOAD_FAILED)


def servers(world: World, name: str) -> list[Object]:
    return world.all("pods", f"app.kubernetes.io/component=server,neuron-operator.dev/model={name}")


def uids(world: World, name: str) -> set[str]:
    return {pod["metadata"]["uid"] for pod in servers(world, name)}


def template(world: World, name: str) -> Object:
    return dict(world.there("deployment", name)["spec"]["template"])


def taken_back(world: World, name: str, why: str) -> Object:
    model = world.becomes(name, "Degraded", "Stalled", holds="True", reason="RolledBack", timeout=120)
    assert model["status"]["rolledBack"]["reason"] == why
    assert condition(model, "Ready")["status"] == "True"
    return model


def test_an_artifact_whose_servers_crash_is_left_and_the_old_server_has_never_gone(world: World) -> None:
    name = world.apply("crasher", replicas=1)
    old = world.ready(name)["status"]["artifact"]
    before, there = template(world, name), uids(world, name)
    world.node.play(world.uri(name), RUNNING)
    world.patch(name, compile={"sequenceLengths": [64]})
    new = eventually(lambda: world.status(name).get("preparing"), what="the new artifact is prepared")
    world.node.play(new["digest"], CRASHING)
    world.node.play(world.uri(name), published())

    model = taken_back(world, name, "LoadFailed")
    assert "LoadFailed, says the server." in condition(model, "Ready")["message"]
    assert model["status"]["artifact"] == old
    assert model["status"]["rolledBack"]["digest"] == new["digest"]
    eventually(lambda: uids(world, name) == there, what="the new server is gone, and the old one is there")
    assert template(world, name) == before
    eventually(lambda: world.events(name, "RolledBack"), what="an Event says so")

    world.operator.kill()
    world.operator.start()
    world.patch(name, replicas=2)
    eventually(lambda: len(uids(world, name)) == 2, what="it is scaled as it is")
    assert template(world, name) == before

    world.node.play(new["digest"], RUNNING)
    world.kube.kubectl("annotate", MODELS, name, "-n", world.namespace, "neuron-operator.dev/retry=1")
    world.becomes(name, "Ready", "UpToDate", holds="True")
    assert "rolledBack" not in world.status(name)
    history = world.status(name)["history"]
    assert [entry["digest"] for entry in history] == [new["digest"], old["digest"]]


def test_servers_that_become_ready_too_late_go_after_the_deadline(world: World) -> None:
    name = world.apply("laggard", replicas=1, rollout={"progressDeadlineSeconds": 30})
    digest = world.ready(name)["status"]["artifact"]["digest"]
    before, there = template(world, name), uids(world, name)
    world.patch(name, serving={"resources": {"limits": {"cpu": "900000"}, "requests": {"cpu": "900000"}}})
    taken_back(world, name, "Unschedulable")
    eventually(lambda: uids(world, name) == there, what="the new server is gone, and the old one is there")
    assert template(world, name) == before
    world.patch(name, serving={"resources": None})
    world.becomes(name, "Ready", "UpToDate", holds="True")
    assert uids(world, name) == there
    assert world.status(name)["artifact"]["digest"] == digest


def test_an_undo_brings_the_artifact_of_before_back_and_its_end_the_newest(world: World) -> None:
    name = world.apply("undone", replicas=1)
    first = world.ready(name)["status"]["artifact"]["digest"]
    world.patch(name, compile={"sequenceLengths": [64]})
    world.becomes(name, "Ready", "UpToDate", holds="True")
    annotate = ("annotate", MODELS, name, "-n", world.namespace)
    world.kube.kubectl(*annotate, "neuron-operator.dev/undo=1")
    world.becomes(name, "Ready", "Ready", holds="True", reason="Undone")
    assert world.status(name)["artifact"]["digest"] == first
    world.kube.kubectl(*annotate, "neuron-operator.dev/undo-")
    world.becomes(name, "Ready", "UpToDate", holds="True")
    assert world.status(name)["artifact"]["digest"] != first


def gaps(pods: Recorder, first: Object) -> int:
    """How often no server was left that is Ready and not asked to leave."""
    ready, found = {first["metadata"]["uid"]}, 0
    for seen in pods.all(first["metadata"]["labels"]["neuron-operator.dev/model"]):
        uid = seen.object["metadata"]["uid"]
        leaves = seen.kind == "DELETED" or "deletionTimestamp" in seen.object["metadata"]
        conditions = seen.object.get("status", {}).get("conditions", ())
        if leaves or not any(c["type"] == "Ready" and c["status"] == "True" for c in conditions):
            ready.discard(uid)
        else:
            ready.add(uid)
        found += not ready
    return found


@pytest.fixture
def two_nodes(worlds: Worlds, kube: Kube) -> Iterator[World]:
    with HollowNode(kube.cluster.kubeconfig, "hollow-drained"):
        yield worlds("test-drains")


def test_the_only_server_of_a_drained_node_goes_once_its_successor_is_ready(two_nodes: World) -> None:
    world = two_nodes
    name = world.apply("single", replicas=1, serving=objects.placement())
    world.ready(name)
    (server,) = servers(world, name)
    node = server["spec"]["nodeName"]
    eventually(
        lambda: world.there("poddisruptionbudget", name).get("status", {}).get("expectedPods") == 1,
        what="the budget counts the server",
    )
    with world.record("pods") as pods:
        try:
            evict = (f"--pod-selector=neuron-operator.dev/model={name}", "--delete-emptydir-data")
            world.kube.kubectl("drain", node, *evict, "--timeout=90s", timeout=120)
        finally:
            world.kube.kubectl("uncordon", node)
        world.becomes(name, "Ready", "UpToDate", holds="True")
        assert gaps(pods, server) == 0
    (successor,) = servers(world, name)
    assert successor["spec"]["nodeName"] != node
