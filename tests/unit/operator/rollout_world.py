"""Changes of a model that replace its servers, and what becomes of the new ones."""

import copy
from dataclasses import replace
from typing import Any

from neuron_operator.api.settings import Settings
from neuron_operator.reading.objects import Object, labels_of
from neuron_operator.terms import labels
from unit.operator.model_world import World, serving
from unit.operator.worlds import SETTINGS, condition, ended, pod

NEWER_IMAGES: Settings = replace(
    SETTINGS, server_images={**SETTINGS.server_images, "Triton": {"cpu": "example.org/triton:1.1"}}
)
NEWEST_IMAGES: Settings = replace(
    SETTINGS, server_images={**SETTINGS.server_images, "Triton": {"cpu": "example.org/triton:1.2"}}
)


def template(world: World) -> Object:
    return copy.deepcopy(world.the("Deployment")["spec"]["template"])


def image(world: World) -> str:
    return str(template(world)["spec"]["containers"][0]["image"])


def annotate(world: World, name: str, value: str | None) -> None:
    world.body["metadata"]["annotations"] = {} if value is None else {name: value}


def new_artifact(world: World) -> None:
    world.change(compile={"batchSizes": [4]})
    world.reconcile()
    world.publish()


def new_image(world: World) -> None:
    world.settings = NEWER_IMAGES


def new_resources(world: World) -> None:
    world.change(serving={"resources": {"limits": {"memory": "1Mi"}}})


def new_env(world: World) -> None:
    world.change(serving={"env": [{"name": "A", "value": "1"}]})


def other_runtime(world: World) -> None:
    world.change(serving={"runtime": "TorchServe"})


def restart(world: World) -> None:
    annotate(world, labels.RESTART, "1")


CHANGES = [new_artifact, new_image, new_resources, new_env, other_runtime]


def rolling(world: World) -> None:
    """The Deployment's controller begins: the old server answers, a new one is there and does not."""
    deployment = world.the("Deployment")
    deployment["metadata"]["generation"] += 1
    deployment["status"] = {
        "observedGeneration": deployment["metadata"]["generation"],
        "replicas": 2,
        "updatedReplicas": 1,
        "readyReplicas": 1,
        "availableReplicas": 1,
        "conditions": [condition("Progressing", "True", "ReplicaSetUpdated")],
    }


def too_late(world: World) -> None:
    world.the("Deployment")["status"]["conditions"] = [
        condition("Progressing", "False", "ProgressDeadlineExceeded")
    ]


def crashing(world: World, count: int, *, of: Object, reason: str = "LoadFailed") -> None:
    """A server of that template ends again and again."""
    report = {"reason": reason, "message": f"{reason}, says the server."}
    found = pod(
        owner="replicaset", container="server", restartCount=count, ready=False, state=ended(1, report)
    )
    found["metadata"]["labels"] = dict(labels_of(of))
    world.pods = [found]


def settled(world: World) -> None:
    world.pods = []
    world.the("Deployment")["metadata"]["generation"] = 1
    world.serve()
    world.reconcile()


def failed(change: Any, world: World | None = None) -> World:
    """A world in which that change has run into its deadline and was taken back."""
    world = world or serving()
    change(world)
    world.reconcile()
    rolling(world)
    world.reconcile()
    too_late(world)
    world.reconcile()
    return world
