"""What can go wrong reaches the user as one reason and one sentence."""

from typing import Any

import pytest
from e2e.conftest import NAMESPACE, World
from support.kube import condition
from support.wait import eventually

HUB = "hf://example/gpt2"


@pytest.mark.parametrize(
    ("name", "uri", "spec", "reason", "says"),
    [
        (
            "wrong-revision",
            HUB,
            {"model": {"revision": "no-such-branch"}},
            "RevisionNotFound",
            "no-such-branch",
        ),
        ("no-such-repository", "hf://example/absent", {}, "SourceNotFound", "example/absent"),
        ("no-such-directory", "pvc://models/absent", {}, "SourceNotFound", "absent"),
        ("unreadable", "pvc://models/broken", {}, "ModelUnreadable", "broken"),
        (
            "too-long",
            "pvc://models/gpt2",
            {"compile": {"sequenceLengths": [4096]}},
            "SequenceTooLong",
            "1024",
        ),
        (
            "out-of-memory",
            "pvc://models/gpt2",
            {"compile": {"sequenceLengths": [48], "resources": {"limits": {"memory": "100Mi"}}}},
            "CompilerOutOfMemory",
            "memory",
        ),
    ],
)
def test_a_compile_that_fails_says_why(
    world: World, name: str, uri: str, spec: dict[str, Any], reason: str, says: str
) -> None:
    world.kube.apply(world.model(name, uri, **spec))
    try:
        assert says in world.reason(name, "ArtifactReady", reason)["message"]
        world.phase(name, "Failed")
        assert condition(world.get(name), "Ready")["reason"] == reason
        assert not world.kube.get("deployment", name, NAMESPACE)
        eventually(lambda: reason in _event_reasons(world, name), what=f"an Event {reason}", timeout=20)
    finally:
        world.remove(name)


def test_more_memory_heals_a_compiler_that_had_too_little(world: World) -> None:
    def model(memory: str) -> Any:
        resources = {"limits": {"memory": memory}}
        return world.model("grown", compile={"sequenceLengths": [56], "resources": resources})

    world.kube.apply(model("100Mi"))
    try:
        world.reason("grown", "ArtifactReady", "CompilerOutOfMemory")
        world.kube.apply(model("4Gi"))
        world.ready("grown")
    finally:
        world.remove("grown")


def test_a_claim_that_nobody_provides_is_named(world: World) -> None:
    storage = {"storageClassName": "no-such-class", "size": "1Gi"}
    world.kube.apply(world.model("homeless", compile={"sequenceLengths": [57]}, storage=storage))
    try:
        world.reason("homeless", "ArtifactReady", "StorageNotBound")
        claim = world.kube.get("persistentvolumeclaim", "neuron-artifacts", NAMESPACE)
        assert claim
        assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    finally:
        world.remove("homeless")
        world.kube.delete("persistentvolumeclaim", "neuron-artifacts", NAMESPACE)


def test_a_device_that_no_node_has_is_named_once_a_node_had_time_to_start(world: World) -> None:
    limits = {"limits": {"aws.amazon.com/neuron": "64"}}
    world.kube.apply(
        world.model("greedy", target="inf2", compile={"sequenceLengths": [40], "resources": limits})
    )
    try:
        found = world.reason("greedy", "ArtifactReady", "Unschedulable", timeout=40)
        assert "aws.amazon.com/neuron" in found["message"]
    finally:
        world.remove("greedy")


def test_a_failed_new_revision_leaves_the_old_one_serving(world: World) -> None:
    world.kube.apply(world.model("steady", HUB, model={"revision": "main"}))
    before = world.ready("steady")["status"]
    assert before["artifact"]["revision"]
    try:
        world.kube.apply(world.model("steady", HUB, model={"revision": "no-such-branch"}))
        world.reason("steady", "ArtifactReady", "RevisionNotFound")
        world.phase("steady", "Degraded")
        after = world.status("steady")
        assert after["artifact"] == before["artifact"]
        assert after["readyReplicas"] >= 1
        assert "PASS" in world.ask("features", "steady", "/models/gpt2")
    finally:
        world.remove("steady")


def _event_reasons(world: World, name: str) -> set[str]:
    events = world.kube.list("events", NAMESPACE)
    return {event["reason"] for event in events if event["involvedObject"]["name"] == name}
