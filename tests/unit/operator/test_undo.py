"""The history of what has served, and an earlier release that is brought back on request."""

from dataclasses import replace

import pytest
from neuron_operator.reading.objects import Object
from neuron_operator.terms import labels
from unit.operator.model_world import World, kinds, serving
from unit.operator.rollout_world import (
    annotate,
    image,
    new_artifact,
    new_env,
    new_image,
    rolling,
    settled,
    too_late,
)
from unit.operator.worlds import SETTINGS, at


def test_the_history_tells_what_has_served_and_when() -> None:
    world = serving()
    (first,) = world.status["history"]
    assert first["digest"] == world.status["artifact"]["digest"]
    assert (first["revision"], first["since"]) == ("607a30d7", "2026-01-01T12:00:00Z")
    assert first["throughputPerSecond"] == 48.1
    world.now = at(3600)
    new_artifact(world)
    world.reconcile()
    assert world.status["history"] == [first], "it has not served yet"
    settled(world)
    second, was = world.status["history"]
    assert (was, second["since"]) == (first, "2026-01-01T13:00:00Z")


def test_an_artifact_in_another_template_is_the_same_entry() -> None:
    world = serving()
    (first,) = world.status["history"]
    new_env(world)
    world.reconcile()
    world.now = at(60)
    settled(world)
    (second,) = world.status["history"]
    assert second == first | {"template": second["template"]}
    assert second["template"] != first["template"]


def test_the_history_is_bounded() -> None:
    world = serving()
    for number in range(14):
        world.settings = replace(
            SETTINGS,
            server_images={**SETTINGS.server_images, "Triton": {"cpu": f"example.org/triton:{number}"}},
        )
        world.reconcile()
        settled(world)
    history = world.status["history"]
    assert [entry["image"].split(":")[1] for entry in history] == [str(n) for n in range(13, 3, -1)]


@pytest.mark.parametrize(("rollout", "kept"), [({}, 1), ({"keep": 0}, 0), ({"keep": 2}, 2)])
def test_so_many_artifacts_that_served_count_as_used(rollout: Object, kept: int) -> None:
    world = serving(rollout=rollout)
    before: list[str] = []
    for size in (2, 4, 8):
        before.insert(0, world.status["artifact"]["name"])
        world.change(compile={"batchSizes": [size]})
        world.reconcile()
        world.publish()
        world.reconcile()
        settled(world)
    assert world.model.known_artifacts == {world.wanted_name(), *before[:kept]}


def test_while_a_rollout_is_under_way_the_artifact_that_it_may_go_back_to_is_kept() -> None:
    world = serving(rollout={"keep": 0})
    before = world.status["artifact"]["name"]
    new_artifact(world)
    world.reconcile()
    assert world.status["artifact"]["name"] != before
    assert before in world.model.known_artifacts


def two_releases() -> tuple[World, Object, Object]:
    """A world that serves its second artifact, and the entries of both."""
    world = serving()
    new_artifact(world)
    world.reconcile()
    settled(world)
    second, first = world.status["history"]
    return world, first, second


@pytest.mark.parametrize("names", ["number", "digest", "artifact"])
def test_undo_serves_an_earlier_artifact_while_the_annotation_is_there(names: str) -> None:
    world, first, second = two_releases()
    annotate(world, labels.UNDO, str(first[names]))
    assert kinds(world.reconcile()) == ["Deployment"]
    assert world.served_digest() == first["digest"] == world.status["artifact"]["digest"]
    assert world.status["benchmark"]["throughputPerSecond"] == 48.1
    settled(world)
    assert (world.status["phase"], world.says()) == ("Ready", ("True", "Undone"))
    assert world.says("UpToDate") == ("False", "Undone")
    assert (world.says("Stalled")[0], world.says("Undone")) == ("False", ("True", "Undone"))
    assert [entry["digest"] for entry in world.status["history"]] == [first["digest"], second["digest"]]
    assert second["artifact"] in world.model.known_artifacts
    world.now = at(86400)
    assert not world.decide().writes_children
    annotate(world, labels.UNDO, None)
    world.reconcile()
    assert world.served_digest() == second["digest"]
    settled(world)
    assert world.says("UpToDate") == ("True", "Settled")


def test_undo_brings_the_image_back_too() -> None:
    world = serving()
    new_image(world)
    world.reconcile()
    settled(world)
    newest, first = world.status["history"]
    assert newest["digest"] == first["digest"]
    annotate(world, labels.UNDO, str(first["number"]))
    world.reconcile()
    assert image(world) == world.status["artifact"]["image"] == "example.org/triton:1"
    settled(world)
    assert world.says() == ("True", "Undone")
    assert world.says("ImageOutdated") == ("True", "Undone")
    assert [entry["number"] for entry in world.status["history"]] == [1, 2]
    annotate(world, labels.UNDO, None)
    world.reconcile()
    assert image(world) == "example.org/triton:1.1"


@pytest.mark.parametrize("wish", ["unknown", "0", "9", "None", "0" * 32, "x" * 300_000])
def test_an_undo_to_what_has_not_served_is_said_and_changes_nothing(wish: str) -> None:
    world, _, second = two_releases()
    annotate(world, labels.UNDO, wish)
    assert kinds(world.reconcile()) == []
    assert world.says("Undone") == ("False", "UndoImpossible")
    assert world.served_digest() == second["digest"]
    assert world.says("UpToDate") == ("True", "Settled")


@pytest.mark.parametrize("status", [None, {"phase": "Collecting"}, {"phase": "Compiling"}])
def test_an_undo_to_an_artifact_that_is_gone_is_said_and_changes_nothing(status: Object | None) -> None:
    world, first, second = two_releases()
    if status is None:
        del world.objects["NeuronArtifact", first["artifact"]]
    else:
        world.the("NeuronArtifact", first["artifact"])["status"] = status
    annotate(world, labels.UNDO, first["digest"])
    assert kinds(world.reconcile()) == []
    assert "must be compiled anew" in world.condition("Undone")["message"]
    assert world.served_digest() == second["digest"]


def test_an_undo_to_what_is_asked_for_anyway_is_nothing() -> None:
    world, _, second = two_releases()
    annotate(world, labels.UNDO, second["digest"])
    assert kinds(world.reconcile()) == []
    assert all(c["type"] != "Undone" for c in world.status["conditions"])


def test_an_undo_that_fails_is_taken_back_like_any_rollout() -> None:
    world, first, second = two_releases()
    annotate(world, labels.UNDO, first["digest"])
    world.reconcile()
    rolling(world)
    too_late(world)
    world.reconcile()
    assert world.served_digest() == second["digest"]
    assert world.says() == ("True", "RolledBack")


def test_what_is_undone_may_be_replaced_by_another_spec_once_the_annotation_has_gone() -> None:
    world, first, _ = two_releases()
    annotate(world, labels.UNDO, first["digest"])
    world.reconcile()
    settled(world)
    world.change(compile={"batchSizes": [8]})
    world.reconcile()
    assert world.served_digest() == first["digest"]
    world.publish()
    world.reconcile()
    assert world.served_digest() == first["digest"]
    annotate(world, labels.UNDO, None)
    world.reconcile()
    assert world.status["artifact"]["name"] == world.wanted_name()
