"""Pods that the kubelet puts out: for a limit of their own, or because the node is short of something."""

from typing import Any

import pytest
from neuron_operator.artifacts.decide import decide
from neuron_operator.artifacts.history import FIRST_REST_SECONDS
from neuron_operator.builders.deployments import deployment
from neuron_operator.builders.jobs import compile_job, verify_job
from neuron_operator.builders.templates import Served
from neuron_operator.reading.objects import Object, format_time, name_of
from neuron_operator.terms import labels
from neuron_operator.world import kept as keeping
from unit.operator.artifact_world import (
    JOB_UID,
    failed_job,
    headline,
    made_job,
    message,
    observed,
    ready_status,
)
from unit.operator.model_world import serving
from unit.operator.worlds import NAMESPACE, NOW, SETTINGS, artifact, at, condition, ended, model, pod, stored

PRESSURE = "The node was low on resource: ephemeral-storage. Threshold quantity: 2Gi, available: 1Gi. "
OF_THE_NODE = [
    PRESSURE,
    "The node was low on resource: memory. Container compile was using 9Gi, request is 2Gi",
    "The node had condition: [DiskPressure]. ",
    "Pod was rejected: The node had condition: [DiskPressure]. ",
    "",
]
OF_THE_POD = [
    'Usage of EmptyDir volume "tmp" exceeds the limit "100Gi". ',
    "Pod ephemeral local storage usage exceeds the total limit of containers 100Gi. ",
    'Container compile exceeded its local ephemeral storage limit "100Gi". ',
]
LIMIT = OF_THE_POD[0]


def evicted(text: str, *, reason: str = "Evicted", age: float = 0, **fields: Any) -> Object:
    """A pod that the kubelet has put out so many seconds ago."""
    found = pod(
        **{"owner": JOB_UID, "state": ended(137), **fields},
        conditions=(condition("Ready", "False", age=age),),
    )
    found["status"] |= {"phase": "Failed", "reason": reason, "message": text}
    return found


def after(*pods: Object, status: Object | None = None, job: Object | None = None, at_: Any = NOW) -> Any:
    world = observed(compile_job=job or made_job(), compile_pods=list(pods))
    return decide(artifact(status=status), world, SETTINGS, at_)


@pytest.mark.parametrize("text", OF_THE_NODE)
def test_a_node_under_pressure_is_told_in_the_kubelets_words_and_tried_again_after_a_rest(text: str) -> None:
    plan = after(evicted(text, age=10))
    assert headline(plan) == ("Failed", "Evicted")
    assert text.strip() in message(plan)
    assert message(plan).endswith("It is tried again by itself.")
    assert [name_of(gone) for gone in plan.delete] == ["gpt2-0123456789-compile"]
    assert plan.requeue == FIRST_REST_SECONDS - 10


@pytest.mark.parametrize("text", OF_THE_POD)
def test_a_pod_beyond_its_own_limit_is_not_tried_again_and_the_limit_is_named(text: str) -> None:
    plan = after(evicted(text))
    assert headline(plan) == ("Failed", "DiskFull")
    assert text.strip() in message(plan)
    assert "limits.ephemeral-storage in spec.compile.resources" in message(plan)
    assert "neuron-operator.dev/retry" in message(plan)
    assert [name_of(gone) for gone in plan.delete] == ["gpt2-0123456789-compile"]
    assert plan.requeue is None
    left = decide(artifact(status=plan.status), observed(), SETTINGS, at(7200))
    assert (headline(left), left.apply) == (("Failed", "DiskFull"), ())


def test_a_pod_that_the_node_has_no_room_for_after_all_was_put_out_too() -> None:
    text = "Pod was rejected: Node didn't have enough resource: ephemeral-storage, requested: 4, used: 9"
    assert headline(after(evicted(text, reason="OutOfephemeral-storage"))) == ("Failed", "Evicted")


@pytest.mark.parametrize(("text", "reason"), [(PRESSURE, "Evicted"), (LIMIT, "DiskFull")])
def test_an_eviction_that_has_failed_the_job_keeps_its_reason(text: str, reason: str) -> None:
    plan = after(evicted(text), job=failed_job())
    assert headline(plan) == ("Failed", reason)
    assert not plan.delete


def test_evictions_in_a_row_rest_longer_and_longer_and_no_node_is_filled_meanwhile() -> None:
    status: Object | None = None
    seconds = 0.0
    for rest in (30, 60, 120, 240):
        out = evicted(PRESSURE, age=-seconds)
        plan = after(out, status=status, at_=at(seconds))
        assert plan.requeue == rest
        assert plan.status["failures"] == {30: 1, 60: 2, 120: 3, 240: 4}[rest]
        going = made_job()
        going["metadata"]["deletionTimestamp"] = format_time(at(seconds))
        for job in (going, None):
            world = observed(compile_job=job, compile_pods=[out] if job else [])
            resting = decide(artifact(status=plan.status), world, SETTINGS, at(seconds + rest - 1))
            assert headline(resting) == ("Failed", "Evicted")
            assert not resting.apply
            assert resting.requeue == 1
        seconds += rest
        again = decide(artifact(status=plan.status), observed(), SETTINGS, at(seconds))
        assert [name_of(change.obj) for change in again.apply] == ["gpt2-0123456789-compile"]
        status = again.status


def test_who_asks_for_it_waits_for_no_rest() -> None:
    plan = after(evicted(PRESSURE))
    asked = observed(retries=["NeuronModel/gpt2=1"])
    again = decide(artifact(status=plan.status), asked, SETTINGS, NOW)
    assert [name_of(change.obj) for change in again.apply] == ["gpt2-0123456789-compile"]


@pytest.mark.parametrize(("text", "reason"), [(PRESSURE, "Evicted"), (LIMIT, "DiskFull")])
def test_a_verify_pod_that_is_put_out_is_treated_alike_and_nothing_is_compiled_again(
    text: str, reason: str
) -> None:
    status = ready_status(phase="Verifying", verification="Needed")
    job = stored(verify_job(artifact(status=status), SETTINGS))
    out = evicted(text, owner=job["metadata"]["uid"], container="verify")
    world = observed(compile_job=made_job(), verify_job=job, verify_pods=[out])
    plan = decide(artifact(status=status), world, SETTINGS, NOW)
    assert headline(plan) == ("Failed", reason)
    assert [name_of(gone) for gone in plan.delete] == ["gpt2-0123456789-verify"]
    resting = decide(artifact(status=plan.status), observed(compile_job=made_job()), SETTINGS, NOW)
    assert (headline(resting), resting.apply) == (("Failed", reason), ())
    later = decide(artifact(status=plan.status), observed(compile_job=made_job()), SETTINGS, at(30))
    made = [name_of(change.obj) for change in later.apply]
    assert made == (["gpt2-0123456789-verify"] if reason == "Evicted" else [])


def test_a_later_pod_at_work_is_left_to_it() -> None:
    later = pod(owner=JOB_UID, name="pod-1", state={"running": {}})
    later["metadata"]["creationTimestamp"] = "2026-01-01T11:59:00Z"
    assert headline(after(evicted(PRESSURE), later)) == ("Compiling", "Compiling")
    later["status"]["containerStatuses"][0]["state"] = {"waiting": {"reason": "ContainerCreating"}}
    assert headline(after(evicted(PRESSURE), later)) == ("Failed", "Evicted")


def server(name: str, created: str, *, text: str | None = None, ready: bool = False) -> Object:
    """A server, put out where there is a text."""
    if text is not None:
        found = evicted(text, owner="uid-replicas", container="server", name=name)
    else:
        ready_now = condition("Ready", "True" if ready else "False")
        found = pod(owner="uid-replicas", container="server", name=name, conditions=(ready_now,), ready=ready)
    found["metadata"]["creationTimestamp"] = created
    return found


@pytest.mark.parametrize(
    ("text", "reason", "phase"), [(PRESSURE, "Evicted", "Deploying"), (LIMIT, "DiskFull", "Failed")]
)
def test_a_server_that_was_put_out_says_so_until_a_later_one_is_ready(
    text: str, reason: str, phase: str
) -> None:
    world = serving()
    world.the("Deployment")["status"]["readyReplicas"] = 0
    first = server("server-0", "2026-01-01T11:00:00Z", text=text)
    world.pods = [first, server("server-1", "2026-01-01T11:30:00Z")]
    world.reconcile()
    assert world.says() == ("False", reason)
    assert world.status["phase"] == phase
    assert text.strip() in world.condition("Ready")["message"]

    world.pods = [first, server("server-1", "2026-01-01T11:30:00Z", ready=True)]
    world.serve()
    world.reconcile()
    assert world.says() == ("True", "Serving")


def test_of_servers_that_have_ended_only_those_that_were_put_out_are_kept_and_none_counts_as_a_user() -> None:
    served = Served("gpt2-0123456789", "0" * 32, "cpu", "neuron-artifacts", "example.org/triton:1")
    template = deployment(model(), served, SETTINGS)["spec"]["template"]
    owner = {"kind": "ReplicaSet", "name": "x", "uid": "uid-x", "controller": True}
    metadata = {**template["metadata"], "name": "pod-x", "namespace": NAMESPACE, "uid": "uid-pod"}
    body: Object = {"metadata": {**metadata, "ownerReferences": [owner]}, "spec": template["spec"]}
    body["status"] = {"phase": "Failed", "reason": "Evicted", "message": PRESSURE}
    found = keeping.pod(body)
    assert found is not None
    assert set(found.keys) == {(NAMESPACE, labels.SERVER, "gpt2")}
    body["status"]["reason"] = "NodeShutdown"
    assert keeping.pod(body) is not None
    body["status"]["containerStatuses"] = [{"name": "server", "state": ended(143)}]
    assert keeping.pod(body) is None


def scratch_of(template: Object) -> dict[str, str | None]:
    return {
        volume["name"]: volume["emptyDir"].get("sizeLimit")
        for volume in template["spec"]["volumes"]
        if "emptyDir" in volume and volume["emptyDir"].get("medium") != "Memory"
    }


def test_scratch_ends_where_the_pods_limit_does() -> None:
    asked = artifact(compile={"resources": {"limits": {"ephemeral-storage": "30Gi"}}})
    template = compile_job(asked, SETTINGS)["spec"]["template"]
    assert scratch_of(template) == {"tmp": "30Gi", "model": "30Gi"}
    unlimited = compile_job(artifact(), SETTINGS)["spec"]["template"]
    assert scratch_of(unlimited) == {"tmp": None, "model": None}


@pytest.mark.parametrize(
    ("size", "own", "request_", "limit"),
    [
        (0, {}, None, None),
        (2**30, {}, "2048Mi", "6144Mi"),
        (2**30, {"requests": {"ephemeral-storage": "8Gi"}}, "8Gi", "8Gi"),
        (2**30, {"limits": {"ephemeral-storage": "1Gi"}}, "1Gi", "1Gi"),
    ],
)
def test_a_server_has_room_for_its_artifact_unless_its_model_says_otherwise(
    size: int, own: dict[str, Any], request_: str | None, limit: str | None
) -> None:
    served = Served("gpt2-0", "0" * 32, "cpu", "neuron-artifacts", "example.org/triton:1", "5" * 64, size)
    template = deployment(model(serving={"resources": own}), served, SETTINGS)["spec"]["template"]
    resources = template["spec"]["containers"][0]["resources"]
    assert resources["requests"].get("ephemeral-storage") == request_
    assert resources["limits"].get("ephemeral-storage") == limit
    assert scratch_of(template) == {"tmp": limit}


def test_verifying_has_a_servers_room() -> None:
    status = {"phase": "Verifying", "digest": "0" * 32, "manifestSha256": "5" * 64, "sizeBytes": 2**30}
    template = verify_job(artifact(status=status), SETTINGS)["spec"]["template"]
    assert scratch_of(template) == {"tmp": "6144Mi", "report": "6144Mi"}
