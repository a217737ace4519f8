"""New servers that do not become Ready go, and what served before comes back."""

from dataclasses import replace
from typing import Any

import pytest
from neuron_operator.plans.announce import transitions
from neuron_operator.reading.objects import Object
from neuron_operator.terms import labels
from unit.operator.model_world import World, kinds, serving
from unit.operator.rollout_world import (
    CHANGES,
    NEWEST_IMAGES,
    annotate,
    crashing,
    failed,
    image,
    new_artifact,
    new_env,
    new_image,
    new_resources,
    restart,
    rolling,
    settled,
    template,
    too_late,
)
from unit.operator.test_model_fallback import NODE
from unit.operator.worlds import SETTINGS, at


@pytest.mark.parametrize("change", [*CHANGES, restart])
def test_servers_that_do_not_become_ready_in_time_go_and_those_before_stay(change: Any) -> None:
    world = serving()
    before, artifact = template(world), world.status["artifact"]
    change(world)
    world.reconcile()
    assert template(world) != before
    rolling(world)
    assert kinds(world.reconcile()) == []
    assert world.status["phase"] == "Deploying"
    said = world.status
    too_late(world)
    assert kinds(world.reconcile()) == ["Deployment"]
    assert template(world) == before
    assert world.status["artifact"] == artifact
    assert (world.says(), world.says("UpToDate")) == (("True", "RolledBack"), ("False", "RolledBack"))
    assert (world.says("Stalled"), world.says("Reconciling")[0]) == (("True", "RolledBack"), "False")
    assert world.status["phase"] == "Degraded"
    assert world.status["rolledBack"]["reason"] == "ServerNotReady"
    assert "neuron-operator.dev/retry" in world.condition("Ready")["message"]
    assert transitions(said, world.status)[0].reason == "RolledBack"
    settled(world)
    assert world.says() == ("True", "RolledBack")
    world.now = at(86400)
    assert not world.decide().writes_children


@pytest.mark.parametrize("change", CHANGES)
def test_a_new_server_that_crashes_three_times_is_not_waited_for_and_its_words_are_said(change: Any) -> None:
    world = serving()
    before = template(world)
    change(world)
    world.reconcile()
    rolling(world)
    crashing(world, 2, of=template(world))
    assert kinds(world.reconcile()) == []
    crashing(world, 3, of=template(world))
    world.reconcile()
    assert template(world) == before
    assert "LoadFailed, says the server." in world.condition("Ready")["message"]
    assert world.status["rolledBack"]["reason"] == "LoadFailed"


def test_it_is_said_what_has_failed() -> None:
    message = failed(new_image).condition("Ready")["message"]
    assert "the servers of the image example.org/triton:1.1 did not become ready" in message
    world = failed(new_artifact)
    wanted = world.wanted_name()
    assert f"the servers of the artifact {wanted} (digest " in world.condition("Ready")["message"]
    assert world.status["rolledBack"]["digest"] != world.status["artifact"]["digest"]
    assert "with what else the spec asks for" in failed(new_env).condition("Ready")["message"]


def test_old_servers_that_crash_keep_no_cure_from_coming() -> None:
    world = serving()
    old = template(world)
    new_resources(world)
    world.reconcile()
    rolling(world)
    cured = template(world)
    crashing(world, 30, of=old)
    assert kinds(world.reconcile()) == []
    assert template(world) == cured


def test_servers_that_have_served_and_crash_later_are_no_rollout_that_failed() -> None:
    world = serving()
    new_resources(world)
    world.reconcile()
    settled(world)
    after = template(world)
    world.now = at(7200)
    crashing(world, 30, of=after)
    too_late(world)
    assert kinds(world.reconcile()) == []
    assert "rolledBack" not in world.status
    assert template(world) == after


@pytest.mark.parametrize("change", CHANGES)
def test_servers_that_are_ready_for_a_moment_and_then_end_again_and_again_are_taken_back_too(
    change: Any,
) -> None:
    world = serving()
    before = template(world)
    change(world)
    world.reconcile()
    settled(world)
    assert world.says("UpToDate") == ("True", "Settled")
    world.now = at(600)
    crashing(world, 3, of=template(world))
    world.the("Deployment")["status"] |= {"readyReplicas": 0}
    world.reconcile()
    assert template(world) == before
    settled(world)
    assert world.says() == ("True", "RolledBack")


def test_a_deadline_of_long_ago_takes_nothing_back_that_has_served() -> None:
    world = serving()
    new_resources(world)
    world.reconcile()
    settled(world)
    too_late(world)
    assert kinds(world.reconcile()) == []


@pytest.mark.parametrize("reason", ["ArtifactMissing", "ArtifactCorrupt", "CoresBusy"])
def test_what_heals_by_itself_has_until_the_deadline(reason: str) -> None:
    world = serving()
    new_resources(world)
    world.reconcile()
    rolling(world)
    crashing(world, 9, of=template(world), reason=reason)
    assert kinds(world.reconcile()) == []
    too_late(world)
    assert kinds(world.reconcile()) == ["Deployment"]
    assert world.status["rolledBack"]["reason"] == reason


def test_a_first_rollout_that_fails_has_nothing_to_go_back_to() -> None:
    world = World()
    world.reconcile()
    world.publish()
    world.reconcile()
    first = template(world)
    world.the("Deployment")["status"] = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1}
    too_late(world)
    crashing(world, 9, of=first)
    world.reconcile()
    assert template(world) == first
    assert world.status["phase"] == "Failed"
    new_resources(world)
    world.reconcile()
    rolling(world)
    too_late(world)
    assert kinds(world.reconcile()) == []


@pytest.mark.parametrize("again", ["spec", "image", "retry"])
def test_it_is_tried_again_when_the_spec_the_image_or_the_annotation_changes(again: str) -> None:
    world = failed(new_image)
    settled(world)
    if again == "spec":
        world.change(serving={"env": [{"name": "A", "value": "1"}]})
    elif again == "image":
        world.settings = NEWEST_IMAGES
    else:
        annotate(world, labels.RETRY, "1")
    assert kinds(world.reconcile()) == ["Deployment"]
    assert image(world) == ("example.org/triton:1.2" if again == "image" else "example.org/triton:1.1")
    assert "rolledBack" not in world.status
    rolling(world)
    too_late(world)
    world.reconcile()
    assert image(world) == "example.org/triton:1"
    settled(world)
    assert not world.decide().writes_children


@pytest.mark.parametrize(
    "change", [{"replicas": 3}, {"storage": {"ttlSeconds": 9}}, {"rollout": {"progressDeadlineSeconds": 60}}]
)
def test_what_has_failed_is_not_tried_again_for_a_change_of_something_else(change: Object) -> None:
    world = failed(new_image)
    settled(world)
    world.change(**change)
    world.reconcile()
    assert image(world) == "example.org/triton:1"
    assert world.says("UpToDate") == ("False", "RolledBack")
    if "replicas" in change:
        assert world.the("Deployment")["spec"]["replicas"] == 3


def test_a_spec_that_is_changed_back_finds_its_servers_running() -> None:
    world = failed(new_env)
    settled(world)
    before = template(world)
    world.change(serving={})
    assert kinds(world.reconcile()) == ["Deployment"], "it need remember the failure no longer"
    assert template(world) == before
    assert (world.status["phase"], world.says("UpToDate")) == ("Deploying", ("False", "Serving"))
    settled(world)
    assert world.says("UpToDate") == ("True", "Settled")
    assert "rolledBack" not in world.status


def test_a_spec_that_is_changed_back_before_the_deadline_takes_the_very_template_up_again() -> None:
    world = serving()
    before = template(world)
    new_env(world)
    world.reconcile()
    rolling(world)
    world.settings = replace(SETTINGS, pull_policy="Always")
    world.change(serving={})
    world.reconcile()
    assert template(world) == before


def test_of_two_changes_after_each_other_the_second_goes_back_to_what_served() -> None:
    world = serving()
    before = template(world)
    new_env(world)
    world.reconcile()
    rolling(world)
    world.reconcile()
    new_image(world)
    world.reconcile()
    rolling(world)
    too_late(world)
    world.reconcile()
    assert template(world) == before


def test_one_server_that_is_away_for_a_moment_makes_what_served_no_stranger() -> None:
    world = serving(replicas=2)
    new_env(world)
    world.reconcile()
    world.the("Deployment")["status"] |= {"replicas": 2, "updatedReplicas": 2, "readyReplicas": 2}
    world.reconcile()
    second = template(world)
    world.the("Deployment")["status"] |= {"readyReplicas": 1}
    world.reconcile()
    new_image(world)
    world.reconcile()
    rolling(world)
    too_late(world)
    world.reconcile()
    assert template(world) == second


def test_what_the_deployment_says_is_enough_where_the_status_is_lost() -> None:
    world = failed(new_image)
    world.body["status"] = {}
    world.reconcile()
    settled(world)
    assert image(world) == "example.org/triton:1"
    assert world.says("UpToDate") == ("False", "RolledBack")


def test_the_operator_that_is_killed_between_the_deployment_and_the_status_goes_on() -> None:
    world = serving()
    new_image(world)
    world.reconcile()
    rolling(world)
    world.reconcile()
    said = world.status
    too_late(world)
    world.reconcile()
    world.body["status"] = said
    world.reconcile()
    assert image(world) == "example.org/triton:1"
    assert world.says() == ("True", "RolledBack")


def test_an_upgrade_of_the_operator_that_brings_a_bad_image_is_taken_back_too() -> None:
    world = serving()
    for name in (labels.TEMPLATE, labels.TEMPLATE_WISHES):
        del world.the("Deployment")["metadata"]["annotations"][name]
    del world.the("Deployment")["spec"]["template"]["metadata"]["labels"][labels.TEMPLATE_HASH]
    del world.body["status"]["history"]
    before = template(world)
    failed(new_image, world)
    assert template(world) == before
    settled(world)
    assert world.says() == ("True", "RolledBack")


def test_what_somebody_has_written_into_the_annotations_is_no_template() -> None:
    for text in ("", "[]", "{}", '{"template": {}}', "null", '{"template": 1, "until": "soon"}'):
        world = serving()
        new_env(world)
        world.reconcile()
        after = template(world)
        world.the("Deployment")["metadata"]["annotations"][labels.BEFORE] = text
        rolling(world)
        too_late(world)
        world.decide()
        world.the("Deployment")["metadata"]["annotations"][labels.ROLLED_BACK] = text
        world.reconcile()
        assert template(world) == after


def test_a_template_that_is_too_large_to_be_remembered_twice_is_not() -> None:
    env = [{"name": f"A{n}", "value": "x" * 2000} for n in range(60)]
    world = serving(serving={"env": env})
    world.change(serving={"env": [*env, {"name": "B", "value": "1"}]})
    world.reconcile()
    annotations = world.the("Deployment")["metadata"]["annotations"]
    assert labels.BEFORE not in annotations
    assert sum(map(len, annotations.values())) < 262144


def test_the_cpu_that_serves_in_an_accelerators_stead_is_not_taken_back() -> None:
    world = World(target="inf2", fallback="CPU")
    world.offers = [NODE]
    world.reconcile()
    world.publish("inf2")
    world.reconcile()
    settled(world)
    world.offers = []
    world.reconcile()
    world.now = at(300)
    world.reconcile()
    world.publish("cpu")
    world.reconcile()
    on_cpu = template(world)
    rolling(world)
    too_late(world)
    crashing(world, 9, of=on_cpu)
    world.reconcile()
    assert template(world) == on_cpu


def test_an_accelerator_whose_servers_fail_leaves_the_model_with_the_cpu() -> None:
    world = World(target="inf2", fallback="CPU")
    world.reconcile()
    world.publish("cpu")
    world.reconcile()
    settled(world)
    on_cpu = template(world)
    world.offers = [NODE]
    world.reconcile()
    world.publish("inf2")
    world.reconcile()
    assert template(world) != on_cpu
    rolling(world)
    too_late(world)
    world.reconcile()
    assert template(world) == on_cpu
    assert world.says() == ("True", "RolledBack")
