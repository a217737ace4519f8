"""Serving from the CPU while no node has the accelerator: on request, and never silently."""

import pytest
from apiserver.conftest import Worlds
from hollow import HollowNode, objects
from hollow.world import MODELS, World
from support.kube import Kube, condition
from support.wait import eventually

RESOURCE = "tests.neuron-operator.dev/fallback-core"


@pytest.fixture(scope="module")
def world(worlds: Worlds) -> World:
    return worlds(
        "test-fallback",
        accelerator={"resourceName": RESOURCE},
        placement={"cpu": objects.placement()},
        fallback={"allowed": True, "patienceSeconds": 3},
    )


def on_target(world: World, name: str, target: str, fallback: str) -> None:
    """Wait until the model is Ready on that target, and FallbackActive says so."""

    def probe() -> bool:
        model = world.ready(name)
        assert model["status"]["target"] == target, str(model["status"])
        assert condition(model, "FallbackActive")["status"] == fallback, str(model["status"])
        deployed = world.there("deployment", name)["spec"]["template"]["spec"]["containers"][0]
        assert (RESOURCE in deployed["resources"].get("limits", {})) == (target != "cpu")
        return True

    eventually(probe, what=f"{name} is Ready on {target}")


def test_a_model_falls_back_to_the_cpu_and_moves_when_an_accelerator_comes_and_back_when_it_goes(
    world: World, kube: Kube
) -> None:
    world.apply("flexible", target="inf2", fallback="CPU", serving=objects.placement())
    on_target(world, "flexible", "cpu", "True")
    assert "inf2" in condition(world.get(MODELS, "flexible"), "FallbackActive")["message"]
    eventually(lambda: world.events("flexible", "NoAccelerator"), what="an Event says that it fell back")
    with HollowNode(kube.cluster.kubeconfig, "hollow-accelerated", devices={RESOURCE: 16}):
        on_target(world, "flexible", "inf2", "False")
    on_target(world, "flexible", "cpu", "True")


def test_a_model_without_fallback_says_that_no_node_has_the_device_once_one_had_time_to_start(
    world: World,
) -> None:
    world.apply("strict", target="inf2", serving=objects.placement())
    world.becomes("strict", "Pending", "Ready", holds="False", reason="Unschedulable", timeout=60)
    assert RESOURCE in condition(world.get(MODELS, "strict"), "Ready")["message"]


def test_an_operator_that_may_not_look_at_nodes_says_so_instead_of_falling_back(worlds: Worlds) -> None:
    world = worlds(
        "test-fallback-forbidden", accelerator={"resourceName": RESOURCE}, fallback={"allowed": False}
    )
    world.apply("hopeful", target="inf2", fallback="CPU", serving=objects.placement())

    def said() -> bool:
        now = condition(world.get(MODELS, "hopeful"), "FallbackActive")
        assert now["reason"] == "FallbackNotAllowed", str(now)
        return bool(now["status"] == "False" and "fallback.allowed" in now["message"])

    eventually(said, what="the model says why it does not fall back")
    assert world.status("hopeful")["target"] == "inf2"
