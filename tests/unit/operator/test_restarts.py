"""Servers begin anew because somebody asks for it, and for no other reason."""

import copy

from neuron_operator.reading.objects import Object
from neuron_operator.terms import labels
from unit.operator.model_world import World, kinds, serving
from unit.operator.worlds import UPGRADED


def template(world: World) -> Object:
    return copy.deepcopy(world.the("Deployment")["spec"]["template"])


def ask(world: World, value: str | None) -> None:
    world.body["metadata"]["annotations"] = {} if value is None else {labels.RESTART: value}


def test_a_new_value_replaces_the_servers_and_compiles_nothing() -> None:
    world = serving()
    artifact, before = world.wanted_name(), template(world)
    ask(world, "1")
    assert kinds(world.reconcile()) == ["Deployment"]
    after = template(world)
    assert after["metadata"].pop("annotations") == {labels.RESTART: "1"}
    assert after == before
    assert world.wanted_name() == artifact
    assert world.status["phase"] == "Deploying"
    assert world.says() == ("True", "Serving")
    ask(world, "2")
    assert kinds(world.reconcile()) == ["Deployment"]


def test_a_value_that_was_followed_or_taken_away_replaces_nothing() -> None:
    world = serving()
    ask(world, "1")
    world.reconcile()
    restarted = template(world)
    for value in ("1", None, ""):
        ask(world, value)
        assert kinds(world.reconcile()) == []
    assert template(world) == restarted


def test_a_restart_takes_no_defaults_of_a_newer_operator_along() -> None:
    world = serving()
    before = template(world)
    world.settings = UPGRADED
    ask(world, "1")
    world.reconcile()
    after = template(world)
    after["metadata"].pop("annotations")
    assert after == before


def test_the_annotations_that_a_user_gives_the_pods_stay() -> None:
    world = serving(serving={"podTemplate": {"metadata": {"annotations": {"team": "one"}}}})
    ask(world, "1")
    world.reconcile()
    assert template(world)["metadata"]["annotations"] == {"team": "one", labels.RESTART: "1"}


def test_of_a_long_value_the_beginning_counts() -> None:
    world = serving()
    ask(world, "x" * 300_000)
    world.reconcile()
    assert len(template(world)["metadata"]["annotations"][labels.RESTART]) == 63


def test_a_restart_waits_for_the_artifact_that_is_being_prepared() -> None:
    world = serving()
    before = template(world)
    world.change(compile={"batchSizes": [4]})
    ask(world, "1")
    world.reconcile()
    assert template(world) == before
    world.publish()
    world.reconcile()
    assert template(world)["metadata"]["annotations"] == {labels.RESTART: "1"}
