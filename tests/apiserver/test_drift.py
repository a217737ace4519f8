"""What others change is repaired where it is the operator's, and left alone where it is not."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hollow import RUNNING, published
from hollow.world import MODELS, World
from support.kube import Object
from support.wait import eventually

CHILDREN = ("deployment", "service", "horizontalpodautoscaler", "poddisruptionbudget")


@dataclass(frozen=True)
class Edit:
    """A merge patch that somebody applies to a child, and how to read what it changed."""

    kind: str
    patch: dict[str, Any]
    read: Callable[[Object], Any]


EDITS = [
    Edit("service", {"spec": {"selector": {"app": "somebody-else"}}}, lambda o: o["spec"]["selector"]),
    Edit(
        "deployment",
        {"metadata": {"labels": {"neuron-operator.dev/model": "somebody-else"}}},
        lambda o: o["metadata"]["labels"]["neuron-operator.dev/model"],
    ),
    Edit(
        "deployment",
        {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 45}}}},
        lambda o: o["spec"]["template"]["spec"]["terminationGracePeriodSeconds"],
    ),
    Edit("horizontalpodautoscaler", {"spec": {"maxReplicas": 77}}, lambda o: o["spec"]["maxReplicas"]),
    Edit(
        "poddisruptionbudget",
        {"spec": {"selector": {"matchLabels": {"neuron-operator.dev/model": "somebody-else"}}}},
        lambda o: o["spec"]["selector"]["matchLabels"]["neuron-operator.dev/model"],
    ),
]


@pytest.fixture(scope="module", autouse=True)
def _model(world: World) -> None:
    world.apply("drifter")
    world.ready("drifter")


@pytest.mark.parametrize("kind", CHILDREN)
def test_a_deleted_child_is_made_again(world: World, kind: str) -> None:
    before = world.there(kind, "drifter")["metadata"]["uid"]
    world.delete(kind, "drifter")
    eventually(
        lambda: world.there(kind, "drifter")["metadata"]["uid"] != before, what=f"a new {kind} is there"
    )
    world.ready("drifter")


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: f"{edit.kind}-{'-'.join(edit.patch)}")
def test_an_edited_child_is_put_right_and_an_event_says_so(world: World, edit: Edit) -> None:
    before = edit.read(world.there(edit.kind, "drifter"))
    world.kube.patch(edit.kind, "drifter", world.namespace, edit.patch)
    eventually(
        lambda: edit.read(world.there(edit.kind, "drifter")) == before, what=f"the {edit.kind} is put right"
    )
    eventually(lambda: world.events("drifter", "DriftRepaired"), what="an Event says so")


def test_a_compile_job_that_somebody_deletes_on_its_way_is_made_again(world: World) -> None:
    world.node.play(world.uri("bereft"), RUNNING)
    world.apply("bereft")
    job = f"{world.artifact('bereft')}-compile"
    before = world.appears("job", job)["metadata"]["uid"]
    world.delete("job", job)
    eventually(lambda: world.there("job", job)["metadata"]["uid"] != before, what="a new Job is there")
    world.node.play(world.uri("bereft"), published())
    world.ready("bereft")


def test_an_autoscalers_number_of_replicas_is_left_alone(world: World) -> None:
    world.kube.kubectl("scale", "deployment", "drifter", "--replicas=2", "-n", world.namespace)

    def both() -> bool:
        status = world.status("drifter")
        return bool(status["replicas"] == status["readyReplicas"] == 2)

    eventually(both, what="two replicas are ready")
    prove_reconciled(world)
    assert world.there("deployment", "drifter")["spec"]["replicas"] == 2


def test_a_restart_by_kubectl_is_left_alone(world: World) -> None:
    world.kube.kubectl("rollout", "restart", "deployment/drifter", "-n", world.namespace)
    world.kube.kubectl("rollout", "status", "deployment/drifter", "-n", world.namespace, "--timeout=60s")
    prove_reconciled(world)
    annotations = world.there("deployment", "drifter")["spec"]["template"]["metadata"]["annotations"]
    assert "kubectl.kubernetes.io/restartedAt" in annotations


def test_a_restart_that_the_model_asks_for_replaces_its_servers_and_compiles_nothing(world: World) -> None:
    def servers() -> set[str]:
        return {pod["metadata"]["uid"] for pod in world.all("pods", "neuron-operator.dev/model=drifter")}

    before, jobs = servers(), [job["metadata"]["uid"] for job in world.all("jobs")]
    asked = "neuron-operator.dev/restart=1"
    world.kube.kubectl("annotate", "neuronmodel", "drifter", "-n", world.namespace, asked)
    eventually(lambda: servers() and not servers() & before, what="other servers are there")
    world.ready("drifter")
    assert [job["metadata"]["uid"] for job in world.all("jobs")] == jobs


def test_labels_and_annotations_of_others_are_left_alone(world: World) -> None:
    for kind in CHILDREN:
        world.kube.kubectl("annotate", kind, "drifter", "example.com/note=mine", "-n", world.namespace)
        world.kube.kubectl("label", kind, "drifter", "example.com/team=blue", "-n", world.namespace)
    prove_reconciled(world)
    for kind in CHILDREN:
        meta = world.there(kind, "drifter")["metadata"]
        assert meta["annotations"]["example.com/note"] == "mine", kind
        assert meta["labels"]["example.com/team"] == "blue", kind


def prove_reconciled(world: World) -> None:
    """Break the Deployment and wait for its repair: then the operator has looked at all of it since."""
    edit = EDITS[2]
    before = edit.read(world.there(edit.kind, "drifter"))
    world.kube.patch(edit.kind, "drifter", world.namespace, edit.patch)
    eventually(
        lambda: edit.read(world.there(edit.kind, "drifter")) == before, what="the Deployment is put right"
    )
    world.ready("drifter")


def test_kubectl_scale_fixes_the_number_of_replicas_and_removes_the_autoscaler(world: World) -> None:
    world.apply("scaled")
    world.ready("scaled")
    world.there("horizontalpodautoscaler", "scaled")
    world.kube.kubectl("scale", MODELS, "scaled", "--replicas=3", "-n", world.namespace)

    def three() -> bool:
        status = world.status("scaled")
        return bool(status["replicas"] == status["readyReplicas"] == 3)

    eventually(three, what="three replicas are ready")
    world.gone("horizontalpodautoscaler", "scaled")
    assert world.status("scaled")["autoscaling"] == "None"
    scale = json.loads(
        world.kube.kubectl(
            "get",
            "--raw",
            f"/apis/neuron-operator.dev/v1alpha1/namespaces/{world.namespace}/{MODELS}/scaled/scale",
        )
    )
    assert scale["spec"]["replicas"] == scale["status"]["replicas"] == 3
    pods = world.all("pods", scale["status"]["selector"])
    assert len(pods) == 3


def test_a_fixed_number_and_autoscaling_can_be_exchanged(world: World) -> None:
    world.apply("switched", replicas=2)
    world.ready("switched")
    assert world.get("horizontalpodautoscaler", "switched") is None
    assert world.there("deployment", "switched")["spec"]["replicas"] == 2

    world.patch(
        "switched",
        replicas=None,
        autoscaling={"horizontalPodAutoscaler": {"minReplicas": 2, "maxReplicas": 5}},
    )
    scaler = world.appears("horizontalpodautoscaler", "switched")
    assert (scaler["spec"]["minReplicas"], scaler["spec"]["maxReplicas"]) == (2, 5)
    assert world.ready("switched")["status"]["replicas"] == 2

    world.patch("switched", replicas=1, autoscaling=None)
    world.gone("horizontalpodautoscaler", "switched")
    eventually(lambda: world.ready("switched")["status"]["replicas"] == 1, what="one replica is left")


def test_a_model_scaled_to_zero_says_so_and_comes_back(world: World) -> None:
    world.apply("zero", replicas=0)
    eventually(
        lambda: world.events("zero", "ScaledToZero") or None, what="the model says that it is scaled to zero"
    )
    assert not world.all("pods", "neuron-operator.dev/model=zero,app.kubernetes.io/component=server")
    world.patch("zero", replicas=1)
    world.ready("zero")
