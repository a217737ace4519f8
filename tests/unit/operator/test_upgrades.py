"""What an upgrade of the operator, or of the chart's values, does to models that run: only images change."""

import copy
from dataclasses import replace
from typing import Any

import pytest
from neuron_operator.api.model import Serving, parse_model
from neuron_operator.api.settings import Settings
from neuron_operator.api.spec import Resources
from neuron_operator.plans.plan import merge_patch
from neuron_operator.reading.objects import Object
from neuron_operator.terms import labels
from unit.operator.model_world import World, kinds, serving
from unit.operator.worlds import SETTINGS, UPGRADED

NEWER_IMAGES: Settings = replace(
    SETTINGS, server_images={**SETTINGS.server_images, "Triton": {"cpu": "example.org/triton:1.1"}}
)
OTHER_DEFAULTS: Settings = replace(
    SETTINGS, pull_policy="Always", server_resources={"cpu": Resources(limits={"memory": "9Gi"})}
)


def template(world: World) -> Object:
    return copy.deepcopy(world.the("Deployment")["spec"]["template"])


def image(world: World) -> str:
    return str(template(world)["spec"]["containers"][0]["image"])


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"replicas": 3},
        {"autoscaling": {"maxReplicas": 9}},
        {"storage": {"ttlSeconds": 5}},
        {"compile": {"retries": 5, "timeoutSeconds": 60}},
        {"serving": {"requestLog": True}},
    ],
)
def test_after_an_upgrade_with_a_new_toolchain_only_a_change_of_what_is_compiled_compiles(
    change: dict[str, Any],
) -> None:
    world = serving()
    artifact, before = world.wanted_name(), image(world)
    world.settings = UPGRADED
    world.reconcile()
    world.change(**change)
    world.reconcile()
    assert world.wanted_name() == artifact
    assert world.status["pinned"]["toolchain"] == "cpu-torch2.13.0"
    assert image(world) == before
    assert "preparing" not in world.status
    world.change(compile={"batchSizes": [4]})
    world.reconcile()
    assert world.status["pinned"]["toolchain"] == "cpu-torch3.0.0"
    assert world.status["preparing"]["name"] == world.wanted_name() != artifact


def test_a_model_that_keeps_its_toolchain_says_so_and_how_to_leave_it() -> None:
    world = serving()
    world.settings = UPGRADED
    world.reconcile()
    assert world.says("ImageOutdated") == ("True", "ToolchainKept")
    assert "neuron-operator.dev/toolchain to cpu-torch3.0.0" in world.condition("ImageOutdated")["message"]
    world.body["metadata"]["annotations"] = {labels.TOOLCHAIN: "cpu-torch3.0.0"}
    world.reconcile()
    world.publish()
    world.reconcile()
    assert (world.status["pinned"]["toolchain"], image(world)) == ("cpu-torch3.0.0", "example.org/triton:2")
    assert all(c["type"] != "ImageOutdated" for c in world.status["conditions"])


def test_a_toolchain_that_is_asked_for_waits_until_the_chart_names_it() -> None:
    world = serving()
    world.body["metadata"]["annotations"] = {labels.TOOLCHAIN: "cpu-torch3.0.0"}
    assert not world.reconcile().writes_children


def test_a_newer_image_of_the_same_toolchain_reaches_running_servers() -> None:
    world = serving()
    world.settings = NEWER_IMAGES
    assert kinds(world.reconcile()) == ["Deployment"]
    assert image(world) == world.status["artifact"]["image"] == "example.org/triton:1.1"
    assert "preparing" not in world.status


def test_the_chart_can_hold_newer_images_back_and_the_model_says_so() -> None:
    world = serving()
    world.settings = replace(NEWER_IMAGES, roll_servers=False)
    assert not world.reconcile().writes_children
    assert world.says("ImageOutdated") == ("True", "RollHeldBack")
    assert "triton:1.1" in world.condition("ImageOutdated")["message"]


def test_other_defaults_of_the_chart_wait_for_the_models_own_next_change() -> None:
    world = serving()
    before = template(world)
    world.settings = OTHER_DEFAULTS
    assert not world.reconcile().writes_children
    world.change(replicas=2)
    world.reconcile()
    assert template(world) == before
    world.change(serving={"requestLog": True})
    world.reconcile()
    container = template(world)["spec"]["containers"][0]
    assert container["resources"]["limits"]["memory"] == "9Gi"


def test_a_template_that_waits_is_repaired_to_what_it_was() -> None:
    world = serving()
    before = template(world)
    world.settings = OTHER_DEFAULTS
    world.reconcile()
    world.the("Deployment")["spec"]["template"]["spec"]["containers"][0]["image"] = "example.org/other"
    plan = world.reconcile()
    assert plan.apply[0].drifted_at == "spec.template.spec.containers[server].image"
    assert template(world) == before


def former(world: World) -> World:
    """The same as an operator of before has left it: it remembered no templates, and pinned generations."""
    for name in (labels.TEMPLATE, labels.TEMPLATE_WISHES):
        del world.the("Deployment")["metadata"]["annotations"][name]
    pinned = world.body["status"]["pinned"]
    world.body["status"]["pinned"] = {
        key: pinned[key] for key in ("generation", "toolchain", "compilerImage", "servingImage")
    }
    del world.body["status"]["artifact"]["image"]
    return world


@pytest.mark.parametrize("settings", [SETTINGS, UPGRADED, OTHER_DEFAULTS])
def test_what_an_operator_of_before_has_made_is_taken_over_as_it_is(settings: Settings) -> None:
    world = former(serving())
    before, artifact = template(world), world.wanted_name()
    world.settings = settings
    world.reconcile()
    assert (template(world), world.wanted_name()) == (before, artifact)
    world.change(replicas=2)
    world.reconcile()
    assert (template(world), world.wanted_name()) == (before, artifact)
    former(world)
    world.reconcile()
    assert (template(world), world.wanted_name()) == (before, artifact)
    plan = world.decide()
    assert not plan.writes_children
    assert merge_patch(world.status, plan.status or {}) == {}


def test_a_change_that_was_made_while_no_operator_worked_is_applied_by_the_next_one() -> None:
    world = former(serving())
    world.settings = OTHER_DEFAULTS
    world.change(serving={"requestLog": True})
    world.reconcile()
    names = [variable["name"] for variable in template(world)["spec"]["containers"][0]["env"]]
    assert "REQUEST_LOG" in names


def test_a_field_that_is_new_and_at_its_default_asks_for_nothing() -> None:
    body = serving().body
    said = parse_model({**body, "spec": {**body["spec"], "serving": {"cores": 1, "localCopy": False}}})
    assert said.serving == Serving()


def test_servers_stay_while_their_artifact_is_made_anew_and_follow_another_manifest() -> None:
    world = World()
    world.reconcile()
    world.publish(manifestSha256="1" * 64)
    world.reconcile()
    world.serve()
    world.reconcile()
    before = template(world)
    del world.objects["NeuronArtifact", world.wanted_name()]
    world.reconcile()
    world.reconcile()
    assert template(world) == before
    world.publish(manifestSha256="1" * 64)
    world.reconcile()
    assert template(world) == before
    world.publish(manifestSha256="2" * 64)
    world.reconcile()
    assert {"name": "ARTIFACT_MANIFEST_SHA256", "value": "2" * 64} in template(world)["spec"]["containers"][
        0
    ]["env"]
