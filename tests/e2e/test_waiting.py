"""Pods that a real kubelet cannot start: its own words reach the model within a minute, and it heals."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from e2e.conftest import NAMESPACE, World
from support.kube import Object, condition
from support.toolbox import RESTRICTED_CONTAINER

MINUTE = 75
EXAMPLES = "questions"
SETTINGS = "settings"
FAR = "far-away"


def config_map(name: str, **data: str) -> Object:
    meta = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


def from_settings(key: str) -> dict[str, Any]:
    """Options that set a variable of compile pods from a key of the ConfigMap `settings`."""
    source = {"configMapKeyRef": {"name": SETTINGS, "key": key}}
    return {"env": [{"name": "MALLOC_ARENA_MAX", "valueFrom": source}]}


def from_examples(world: World) -> dict[str, Any]:
    return {"parity": {"examplesFrom": {"configMapKeyRef": {"name": EXAMPLES}}}}


def before_the_rest(world: World) -> dict[str, Any]:
    """Options with an init container of somebody else's that ends badly, and says why."""
    said = "import sys; sys.exit('the proxy has no certificate')"
    container = {
        "name": "proxy-init",
        "image": world.toolbox.image,
        "command": ["python", "-c", said],
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": RESTRICTED_CONTAINER,
    }
    return {"podTemplate": {"spec": {"initContainers": [container]}}}


@dataclass(frozen=True)
class Case:
    """A model, what is there before it, what it says, and what heals it (None: options without any).

    `length`: of its bucket; no two models here share an artifact.
    """

    name: str
    length: int
    options: Callable[[World], dict[str, Any]]
    reason: str
    words: str
    before: Object | None = None
    cure: Object | None = None


CASES = [
    Case(
        "without-examples",
        33,
        from_examples,
        "ConfigMapNotFound",
        f'configmap "{EXAMPLES}" not found',
        cure=config_map(EXAMPLES, **{"examples.json": '[{"text": "a good day"}]'}),
    ),
    Case(
        "without-its-key",
        34,
        from_examples,
        "ConfigMapNotFound",
        "non-existent config key: examples.json",
        before=config_map(EXAMPLES, other="{}"),
        cure=config_map(EXAMPLES, **{"examples.json": '[{"text": "a good day"}]'}),
    ),
    Case(
        "without-settings",
        35,
        lambda _: from_settings("arenas"),
        "ConfigMapNotFound",
        f'configmap "{SETTINGS}" not found',
        cure=config_map(SETTINGS, arenas="2"),
    ),
    Case(
        "without-a-setting",
        36,
        lambda _: from_settings("arenas"),
        "ConfigMapNotFound",
        "couldn't find key arenas in ConfigMap",
        before=config_map(SETTINGS, other="2"),
        cure=config_map(SETTINGS, arenas="2"),
    ),
    Case("behind-a-proxy", 37, before_the_rest, "InitContainerFailed", "proxy-init ended with exit status 1"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_compile_pod_that_waits_says_for_what_and_goes_on_once_it_is_there(
    world: World, case: Case
) -> None:
    if case.before is not None:
        world.kube.apply(case.before)
    bucket = {"sequenceLengths": [case.length]}
    world.kube.apply(world.model(case.name, compile={**bucket, **case.options(world)}))
    try:
        said = world.reason(case.name, "Ready", case.reason, timeout=MINUTE)
        assert case.words in said["message"]
        assert "timeoutSeconds" not in said["message"]
        if case.cure is None:
            world.kube.apply(world.model(case.name, compile=bucket))
        else:
            world.kube.apply(case.cure)
        world.reason(case.name, "ArtifactReady", "Published", timeout=240)
    finally:
        world.remove(case.name)
        for name in (EXAMPLES, SETTINGS):
            world.kube.delete("configmap", name, NAMESPACE)


def test_a_volume_whose_driver_is_on_no_node_is_told_in_the_kubelets_words(world: World) -> None:
    """As a file system whose mount target does not answer: the pod says nothing, and only Events tell."""
    for thing in _far_away():
        world.kube.apply(thing)
    world.kube.apply(world.model("too-far", uri=f"pvc://{FAR}/model", model={"task": "text-classification"}))
    try:
        said = world.reason("too-far", "Ready", "VolumeMountFailed", timeout=MINUTE)["message"]
        assert "efs.csi.example.com" in said
        assert "timeoutSeconds" not in said
        assert condition(world.get("too-far"), "Stalled")["status"] == "False"
    finally:
        world.remove("too-far")
        for thing in reversed(_far_away()):
            world.kube.delete(thing["kind"], thing["metadata"]["name"], thing["metadata"].get("namespace"))


def _far_away() -> list[Object]:
    """A claim that is bound to a volume of a driver which runs nowhere."""
    driver = "efs.csi.example.com"
    shape = {"accessModes": ["ReadWriteMany"], "storageClassName": FAR}
    volume = {
        **shape,
        "capacity": {"storage": "1Gi"},
        "persistentVolumeReclaimPolicy": "Retain",
        "csi": {"driver": driver, "volumeHandle": "fs-00000000000000000"},
    }
    claim = {**shape, "volumeName": FAR, "resources": {"requests": {"storage": "1Gi"}}}
    return [
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "CSIDriver",
            "metadata": {"name": driver},
            "spec": {"attachRequired": False},
        },
        {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": FAR}, "spec": volume},
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": FAR, "namespace": NAMESPACE},
            "spec": claim,
        },
    ]
