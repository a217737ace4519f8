"""Models that choose their inference server."""

from dataclasses import replace

import pytest
from unit.operator.model_world import World, serving
from unit.operator.worlds import SETTINGS


def server_image(world: World) -> str:
    return str(world.the("Deployment")["spec"]["template"]["spec"]["containers"][0]["image"])


def test_a_switch_of_the_runtime_rolls_the_servers_and_compiles_nothing() -> None:
    world = serving()
    digest, artifact = world.served_digest(), world.wanted_name()
    assert server_image(world) == "example.org/triton:1"
    world.change(serving={"runtime": "TorchServe"})
    plan = world.reconcile()
    assert server_image(world) == world.status["pinned"]["servingImage"] == "example.org/torchserve:1"
    assert [change.obj["kind"] for change in plan.apply] == ["Deployment"]
    assert (world.served_digest(), world.wanted_name()) == (digest, artifact)
    assert "preparing" not in world.status
    world.change(serving={})
    world.reconcile()
    assert server_image(world) == "example.org/triton:1"


@pytest.mark.parametrize("published", [False, True])
def test_a_runtime_without_an_image_for_the_family_is_a_failed_model_that_says_which_value_to_set(
    published: bool,
) -> None:
    world = World(target="inf2", serving={"runtime": "TorchServe"})
    world.reconcile()
    if published:
        world.publish()
        world.reconcile()
    assert world.status["phase"] == "Failed"
    assert world.says() == ("False", "ImageNotConfigured")
    assert "torchserve" in world.condition("Ready")["message"]
    assert "images.torchserve.neuronx" in world.condition("Ready")["message"]
    assert world.find("Deployment") is None
    assert not world.reconcile().writes_children


def test_a_switch_to_a_runtime_without_an_image_leaves_the_servers_as_they_are() -> None:
    world = serving(target="inf2")
    template = world.the("Deployment")["spec"]["template"]
    world.change(serving={"runtime": "TorchServe"})
    plan = world.reconcile()
    assert not plan.writes_children
    assert world.the("Deployment")["spec"]["template"] == template
    assert world.status["phase"] == "Degraded"
    assert world.says() == ("True", "ServingPreviousArtifact")
    message = world.condition("Ready")["message"]
    assert message.startswith("What was served before still is")
    assert "images.torchserve.neuronx" in message
    world.objects.pop(("Deployment", "gpt2"))
    world.reconcile()
    assert server_image(world) == "example.org/triton:1-neuronx"


def test_a_runtime_is_deployed_once_an_upgrade_brings_its_image() -> None:
    world = World(target="inf2", serving={"runtime": "TorchServe"})
    world.reconcile()
    world.publish()
    world.reconcile()
    assert world.says("ServingReady") == ("False", "ImageNotConfigured")
    images = {**SETTINGS.server_images, "TorchServe": {"neuronx": "example.org/torchserve:2-neuronx"}}
    world.settings = replace(SETTINGS, server_images=images)
    world.reconcile()
    assert server_image(world) == "example.org/torchserve:2-neuronx"
    assert world.says() == ("False", "Deploying")


def test_a_runtime_that_nobody_mends_any_more_is_marked_and_another_is_not() -> None:
    world = serving()
    marked = "RuntimeMaintained"
    assert all(condition["type"] != marked for condition in world.status["conditions"])
    world.change(serving={"runtime": "TorchServe"})
    world.reconcile()
    world.serve()
    world.reconcile()
    assert world.says(marked) == ("False", "RuntimeUnmaintained")
    assert "gets no security fixes" in world.condition(marked)["message"]
    assert "spec.serving.runtime to Triton" in world.condition(marked)["message"]
    assert world.says() == ("True", "Serving")
    world.change(serving={})
    world.reconcile()
    assert all(condition["type"] != marked for condition in world.status["conditions"])


def test_a_model_that_only_waits_for_its_artifact_is_marked_already() -> None:
    world = World(serving={"runtime": "TorchServe"})
    world.reconcile()
    assert world.says("RuntimeMaintained") == ("False", "RuntimeUnmaintained")
