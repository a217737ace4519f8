"""Changes, failures, undos, retries and drains in any order: every state settles."""

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from neuron_operator.terms import labels
from unit.operator.model_world import World, serving
from unit.operator.rollout_world import crashing, rolling, settled, template, too_late
from unit.operator.worlds import SETTINGS, at, condition, pod

Step = Callable[[World, random.Random], None]


def image(world: World, draw: random.Random) -> None:
    server = {"cpu": f"example.org/triton:{draw.randrange(3)}"}
    world.settings = replace(SETTINGS, server_images={**SETTINGS.server_images, "Triton": server})


def variables(world: World, draw: random.Random) -> None:
    world.change(serving={"env": [{"name": "A", "value": str(draw.randrange(3))}]})


def artifact(world: World, draw: random.Random) -> None:
    world.change(compile={"batchSizes": [draw.choice([1, 2, 4])]})


def published(world: World, draw: random.Random) -> None:
    if world.find("NeuronArtifact", world.wanted_name()):
        world.publish()


def replicas(world: World, draw: random.Random) -> None:
    world.change(replicas=draw.choice([0, 1, 1, 2]))


def annotation(world: World, draw: random.Random) -> None:
    name = draw.choice([labels.RETRY, labels.RESTART, labels.UNDO])
    annotations = dict(world.body["metadata"].get("annotations") or {})
    annotations[name] = str(draw.randrange(4))
    if draw.random() < 0.4:
        del annotations[name]
    world.body["metadata"]["annotations"] = annotations


def begins(world: World, draw: random.Random) -> None:
    rolling(world)


def is_late(world: World, draw: random.Random) -> None:
    too_late(world)


def crashes(world: World, draw: random.Random) -> None:
    crashing(world, draw.choice([1, 3, 9]), of=template(world))


def settles(world: World, draw: random.Random) -> None:
    deployment = world.the("Deployment")
    wanted = deployment["spec"].get("replicas", 1)
    settled(world)
    deployment["status"] |= dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas"), wanted)
    there = pod(
        owner="r", container="server", name=f"s{draw.randrange(99)}", conditions=(condition("Ready"),)
    )
    there["spec"] = {"nodeName": draw.choice(["node-1", "node-2"])}
    world.pods = [there] if wanted else []


def cordon(world: World, draw: random.Random) -> None:
    world.cordoned = set(draw.sample(["node-1", "node-2"], draw.randrange(3)))


def status_is_lost(world: World, draw: random.Random) -> None:
    world.body["status"] = {}


STEPS: list[Step] = [image, variables, artifact, published, replicas, annotation, begins, is_late, crashes]
STEPS += [settles, settles, cordon, status_is_lost]


@pytest.mark.parametrize("seed", range(25))
def test_every_state_settles(seed: int) -> None:
    draw = random.Random(seed)
    world = serving(replicas=1)
    for number in range(40):
        world.now = at(number * 400)
        draw.choice(STEPS)(world, draw)
        world.reconcile()
        check(world)


def check(world: World) -> None:
    status: dict[str, Any] = world.status
    history = status.get("history") or []
    releases = [(entry["digest"], entry["image"]) for entry in history]
    assert len(set(releases)) == len(releases) <= 10
    assert len({entry["number"] for entry in history}) == len(history)
    annotations = world.the("Deployment")["metadata"]["annotations"]
    assert sum(map(len, annotations.values())) < 262_144
    if "rolledBack" in status and status["artifact"]["digest"] == status["rolledBack"]["digest"]:
        assert world.says("UpToDate")[0] == "False"
    if world.says("UpToDate")[0] == "True":
        assert "rolledBack" not in status
        assert status["artifact"]["name"] == world.wanted_name()
