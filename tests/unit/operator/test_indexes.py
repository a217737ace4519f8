"""What is kept of watched objects, and under which keys."""

from typing import Any

import pytest
from neuron_operator.builders.deployments import deployment
from neuron_operator.builders.jobs import compile_job
from neuron_operator.builders.templates import Served
from neuron_operator.models.wanted import candidates
from neuron_operator.reading.objects import Object, format_time
from neuron_operator.terms.kinds import DEPLOYMENT
from neuron_operator.world.indexes import (
    LOADED,
    Parent,
    User,
    by_name,
    newest,
    offering_node,
    parent_of,
    pods_by_parent,
    users_by_artifact,
)
from unit.operator.worlds import NAMESPACE, NOW, SETTINGS, artifact, model, model_body

SERVED = Served("gpt2-0123456789", "0" * 32, "cpu", "neuron-artifacts", "example.org/triton:1")


def pod_of(template: Object, owner: str) -> Object:
    """A pod as a controller makes it from its template."""
    metadata: dict[str, Any] = {
        **template["metadata"],
        "name": "pod-x",
        "namespace": NAMESPACE,
        "uid": "uid-pod",
        "managedFields": [{"manager": "somebody"}],
        "ownerReferences": [{"kind": owner, "name": "x", "uid": "uid-x", "controller": True}],
    }
    return {"metadata": metadata, "spec": template["spec"], "status": {"conditions": [], "podIP": "10.0.0.1"}}


def server() -> Object:
    return pod_of(deployment(model(), SERVED, SETTINGS)["spec"]["template"], "ReplicaSet")


def test_a_server_is_found_by_its_model_and_by_the_artifact_it_has_loaded() -> None:
    found = pods_by_parent(server())
    assert set(found) == {(NAMESPACE, "server", "gpt2"), (NAMESPACE, LOADED, "gpt2-0123456789")}


@pytest.mark.parametrize(("phase", "counts"), [("Running", True), ("Failed", False), ("Succeeded", False)])
def test_a_server_that_has_ended_counts_no_more(phase: str, counts: bool) -> None:
    pod = server()
    pod["status"]["phase"] = phase
    assert bool(pods_by_parent(pod)) is counts
    compiled = pod_of(compile_job(artifact(), SETTINGS)["spec"]["template"], "Job")
    compiled["status"]["phase"] = phase
    assert all(kept["status"]["phase"] == phase for kept in pods_by_parent(compiled).values())


def test_a_compile_pod_is_found_by_its_artifact() -> None:
    pod = pod_of(compile_job(artifact(), SETTINGS)["spec"]["template"], "Job")
    assert set(pods_by_parent(pod)) == {(NAMESPACE, "compile", "gpt2-0123456789")}


def test_of_a_pod_only_what_tells_how_it_does_is_kept() -> None:
    kept = next(iter(pods_by_parent(server()).values()))
    assert set(kept) == {"kind", "metadata", "spec", "status"}
    assert "managedFields" not in kept["metadata"]
    assert "podIP" not in kept["status"]


def test_a_child_belongs_to_its_owner_whatever_its_labels_say() -> None:
    child = deployment(model(), SERVED, SETTINGS)
    child["metadata"]["labels"]["neuron-operator.dev/model"] = "somebody-else"
    assert parent_of(child) == Parent("NeuronModel", "gpt2")
    assert parent_of(compile_job(artifact(), SETTINGS)) == Parent("NeuronArtifact", "gpt2-0123456789")


def test_what_belongs_to_nobody_has_no_parent() -> None:
    assert parent_of({"metadata": {"name": "a", "namespace": "b"}}) is None
    assert pods_by_parent({"metadata": {"name": "a", "namespace": "b"}}) == {}


def test_objects_are_kept_without_the_bookkeeping_of_field_managers() -> None:
    obj = deployment(model(), SERVED, SETTINGS)
    obj["metadata"]["managedFields"] = [{"manager": "somebody"}]
    kept = by_name(DEPLOYMENT, obj)[NAMESPACE, "gpt2"]
    assert "managedFields" not in kept["metadata"]
    assert kept["kind"] == "Deployment"


def wanted_name(body_model: Any, target: str) -> str:
    return candidates(body_model, SETTINGS)[target].wanted.name


def test_a_model_uses_what_it_wants_what_it_may_fall_back_to_and_what_it_serves() -> None:
    body = model_body(target="inf2", fallback="CPU")
    body["status"] = {"artifact": {"name": "old", "digest": "1"}}
    parsed = model(target="inf2", fallback="CPU")
    used = users_by_artifact(body, SETTINGS)
    assert used == {
        (NAMESPACE, wanted_name(parsed, "inf2")): User(
            "gpt2", body["metadata"]["uid"], body["metadata"]["creationTimestamp"], True
        ),
        (NAMESPACE, wanted_name(parsed, "cpu")): User(
            "gpt2", body["metadata"]["uid"], body["metadata"]["creationTimestamp"], True
        ),
        (NAMESPACE, "old"): User(
            "gpt2", body["metadata"]["uid"], body["metadata"]["creationTimestamp"], False
        ),
    }


def test_a_model_on_its_way_out_uses_nothing() -> None:
    body = model_body()
    body["metadata"]["deletionTimestamp"] = format_time(NOW)
    assert users_by_artifact(body, SETTINGS) == {}


@pytest.mark.parametrize(
    ("allocatable", "resources"),
    [
        ({"cpu": "4", "aws.amazon.com/neuroncore": "2"}, {"aws.amazon.com/neuroncore"}),
        ({"cpu": "4", "aws.amazon.com/neuroncore": "0"}, set()),
        ({"cpu": "4"}, set()),
    ],
)
def test_a_node_counts_for_the_devices_it_can_give(allocatable: Object, resources: set[str]) -> None:
    node = {"metadata": {"name": "n"}, "status": {"allocatable": allocatable}}
    offered = offering_node(node)
    assert set(offered) == ({("", "n")} if resources else set())
    assert all(set(kept["status"]["allocatable"]) == resources for kept in offered.values())


def test_of_an_object_and_its_successor_the_newest_counts_although_the_watch_missed_the_deletion() -> None:
    old = {"metadata": {"name": "a", "namespace": "n", "uid": "1", "resourceVersion": "99"}}
    new = {"metadata": {"name": "a", "namespace": "n", "uid": "2", "resourceVersion": "100"}}
    assert newest({"a": [old, new]}, "a") is new
    assert newest({"a": [new, old]}, "a") is new
    assert newest({}, "a") is None
