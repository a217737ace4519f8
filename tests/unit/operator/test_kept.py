"""What is kept of watched objects, and under which keys."""

from typing import Any

import pytest
from neuron_operator.builders.deployments import deployment
from neuron_operator.builders.jobs import compile_job
from neuron_operator.builders.templates import Served
from neuron_operator.models.wanted import candidates
from neuron_operator.reading.objects import Object, format_time
from neuron_operator.terms.kinds import AUTOSCALER, DEPLOYMENT
from neuron_operator.world import kept as keeping
from neuron_operator.world.kept import LOADED, Parent, parent_of
from neuron_operator.world.store import User
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
    found = keeping.pod(server())
    assert found is not None
    assert set(found.keys) == {(NAMESPACE, "server", "gpt2"), (NAMESPACE, LOADED, "gpt2-0123456789")}


@pytest.mark.parametrize(("phase", "counts"), [("Running", True), ("Failed", False), ("Succeeded", False)])
def test_a_server_that_has_ended_counts_no_more(phase: str, counts: bool) -> None:
    pod = server()
    pod["status"]["phase"] = phase
    assert (keeping.pod(pod) is not None) is counts
    compiled = pod_of(compile_job(artifact(), SETTINGS)["spec"]["template"], "Job")
    compiled["status"]["phase"] = phase
    kept = keeping.pod(compiled)
    assert kept is not None
    assert kept.value["status"]["phase"] == phase


def test_a_compile_pod_is_found_by_its_artifact() -> None:
    found = keeping.pod(pod_of(compile_job(artifact(), SETTINGS)["spec"]["template"], "Job"))
    assert found is not None
    assert set(found.keys) == {(NAMESPACE, "compile", "gpt2-0123456789")}


def test_of_a_pod_only_what_tells_how_it_does_is_kept() -> None:
    found = keeping.pod(server())
    assert found is not None
    kept = found.value
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
    assert keeping.pod({"metadata": {"name": "a", "namespace": "b"}}) is None


def test_objects_are_kept_without_the_bookkeeping_of_field_managers() -> None:
    obj = deployment(model(), SERVED, SETTINGS)
    obj["metadata"]["managedFields"] = [{"manager": "somebody"}]
    obj["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"] = "{}"
    kept = keeping.child(DEPLOYMENT, obj, ("status",))
    assert list(kept.keys) == [(NAMESPACE, "gpt2")]
    assert "managedFields" not in kept.value["metadata"]
    assert set(kept.value["metadata"]["annotations"]) < set(obj["metadata"]["annotations"])
    assert kept.value["kind"] == "Deployment"


def wanted_name(body_model: Any, target: str) -> str:
    return candidates(body_model, SETTINGS)[target].wanted.name


def test_a_model_uses_what_it_wants_what_it_may_fall_back_to_and_what_it_serves() -> None:
    body = model_body(target="inf2", fallback="CPU")
    body["status"] = {"artifact": {"name": "old", "digest": "1"}}
    parsed = model(target="inf2", fallback="CPU")
    used = keeping.user(body, SETTINGS)
    assert used is not None
    wants = frozenset({wanted_name(parsed, "inf2"), wanted_name(parsed, "cpu")})
    assert set(used.keys) == {(NAMESPACE, name) for name in wants | {"old"}}
    assert used.value == User(body["metadata"]["creationTimestamp"], "gpt2", wants)


def test_a_model_on_its_way_out_uses_nothing() -> None:
    body = model_body()
    body["metadata"]["deletionTimestamp"] = format_time(NOW)
    assert keeping.user(body, SETTINGS) is None


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
    kept = keeping.node(node)
    assert (kept is not None) is bool(resources)
    assert kept is None or set(kept.value["status"]["allocatable"]) == resources


def test_of_an_autoscaler_its_numbers_are_not_kept() -> None:
    body = {
        "metadata": {"name": "a", "namespace": "b", "resourceVersion": "7"},
        "spec": {"maxReplicas": 3},
        "status": {"currentReplicas": 2, "conditions": [{"type": "ScalingActive", "status": "True"}]},
    }
    kept = keeping.autoscaler(AUTOSCALER, body).value
    assert kept["status"] == {"conditions": [{"type": "ScalingActive", "status": "True"}]}
    assert "resourceVersion" not in kept["metadata"]


def test_of_a_deployment_its_numbers_and_what_hinders_it_are_kept() -> None:
    body = deployment(model(), SERVED, SETTINGS)
    body["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = "1"
    conditions = [
        {"type": "Available", "status": "False", "reason": "MinimumReplicasUnavailable"},
        {"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated"},
    ]
    numbers = {"observedGeneration": 1, "replicas": 1}
    body["status"] = {**numbers, "unavailableReplicas": 1, "conditions": conditions}
    kept = keeping.deployment(DEPLOYMENT, body).value
    assert kept["status"] == numbers
    assert "deployment.kubernetes.io/revision" not in kept["metadata"]["annotations"]


@pytest.mark.parametrize(
    ("type_", "status", "reason"),
    [("ReplicaFailure", "True", "FailedCreate"), ("Progressing", "False", "ProgressDeadlineExceeded")],
)
def test_what_hinders_a_deployment_is_kept_without_its_times(type_: str, status: str, reason: str) -> None:
    told = {"type": type_, "status": status, "reason": reason, "message": "why"}
    body = {
        **deployment(model(), SERVED, SETTINGS),
        "status": {"conditions": [{**told, "lastUpdateTime": "t"}]},
    }
    assert keeping.deployment(DEPLOYMENT, body).value["status"] == {"conditions": [told]}
