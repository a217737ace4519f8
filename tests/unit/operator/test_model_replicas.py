"""How many servers there are, and how they stand."""

import copy
from typing import Any

import pytest
from neuron_operator.reading.objects import Object
from neuron_operator.terms import labels
from unit.operator.model_world import FAILED, World, kinds, serving
from unit.operator.worlds import (
    at,
    condition,
    ended,
    pod,
)

CRASHED: dict[str, Any] = {
    "state": {"waiting": {"reason": "CrashLoopBackOff"}},
    "lastState": ended(10, {"reason": "ArtifactCorrupt", "message": "model.pt does not match its checksum."}),
    "restartCount": 3,
}


def test_replicas_set_by_the_autoscaler_are_no_drift() -> None:
    world = serving()
    world.the("Deployment")["spec"]["replicas"] = 3
    assert kinds(world.reconcile()) == ["PodDisruptionBudget"], "of several servers one may go"
    assert not world.decide().writes_children


def test_a_fixed_number_of_replicas_replaces_the_autoscaler() -> None:
    world = serving()
    world.change(replicas=2)
    plan = world.reconcile()
    assert [obj["kind"] for obj in plan.delete] == ["HorizontalPodAutoscaler"]
    assert world.the("Deployment")["spec"]["replicas"] == 2
    assert world.says("AutoscalerReady") == ("False", "ReplicasFixed")
    assert world.status["autoscaling"] == "None"


@pytest.mark.parametrize("replicas", [{}, {"replicas": 2}], ids=["its Deployment", "the model"])
def test_somebody_else_scales(replicas: Object) -> None:
    world = serving(autoscaling={"type": "External"}, **replicas)
    assert world.the("Deployment")["spec"].get("replicas") == replicas.get("replicas")
    assert world.says("AutoscalerReady") == ("Unknown", "ScaledExternally")
    world.the("Deployment")["spec"]["replicas"] = 7
    assert ("Deployment" in kinds(world.decide())) is bool(replicas)


def test_an_autoscaler_of_somebody_else_is_left_alone() -> None:
    world = serving()
    world.the("HorizontalPodAutoscaler")["metadata"].pop("ownerReferences")
    world.change(autoscaling={"type": "External"})
    assert world.decide().delete == ()


def test_without_an_autoscaler_one_server_is_wanted() -> None:
    assert serving(autoscaling={"type": "None"}).the("Deployment")["spec"]["replicas"] == 1


@pytest.mark.parametrize(
    "status", [{"phase": "Compiling"}, FAILED, {"phase": "Collecting"}], ids=lambda status: status["phase"]
)
def test_replicas_are_followed_while_another_artifact_is_prepared_or_has_failed(status: Object) -> None:
    world = serving(replicas=2)
    template = copy.deepcopy(world.the("Deployment")["spec"]["template"])
    world.change(compile={"batchSizes": [4]}, replicas=5)
    world.reconcile()
    world.the("NeuronArtifact", world.wanted_name())["status"] = status
    world.change(replicas=3)
    world.reconcile()
    assert world.the("Deployment")["spec"]["replicas"] == 3
    assert world.the("Deployment")["spec"]["template"] == template
    assert world.decide().hand_over is None


def test_an_autoscaler_is_changed_while_another_artifact_is_prepared() -> None:
    world = serving()
    world.change(compile={"batchSizes": [4]}, autoscaling={"horizontalPodAutoscaler": {"maxReplicas": 9}})
    plan = world.reconcile()
    assert plan.hand_over is None
    assert world.the("HorizontalPodAutoscaler")["spec"]["maxReplicas"] == 9


def test_the_number_of_replicas_is_handed_over_when_an_autoscaler_takes_it() -> None:
    world = serving(replicas=4)
    assert world.the("Deployment")["metadata"]["annotations"][labels.REPLICAS_OWNER] == "NeuronModel"
    del world.body["spec"]["replicas"]
    world.change(autoscaling={"horizontalPodAutoscaler": {"minReplicas": 2, "maxReplicas": 6}})
    plan = world.decide()
    assert plan.hand_over == world.the("Deployment")
    assert "replicas" not in next(c.obj for c in plan.apply if c.obj["kind"] == "Deployment")["spec"]
    world.reconcile()
    assert world.decide().hand_over is None


def test_no_replicas_are_said_to_be_wanted() -> None:
    world = World(replicas=0)
    world.reconcile()
    world.publish()
    world.reconcile()
    assert world.reconcile().status is not None
    assert world.says() == ("True", "ScaledToZero")


@pytest.mark.parametrize(
    ("told", "phase", "reason"),
    [
        (CRASHED, "Failed", "ArtifactCorrupt"),
        (CRASHED | {"state": {"running": {}}}, "Failed", "ArtifactCorrupt"),
        ({"state": ended(137, reason="OOMKilled")}, "Failed", "ServerOutOfMemory"),
        ({"state": ended(1)}, "Failed", "ServerCrashLooping"),
        (
            {"conditions": (condition("PodScheduled", "False", "Unschedulable", "no node", age=60),)},
            "Deploying",
            "Unschedulable",
        ),
        (
            {"state": {"waiting": {"reason": "ImagePullBackOff", "message": "x"}}},
            "Deploying",
            "ImagePullFailed",
        ),
        ({"state": {"waiting": {"reason": "ContainerCreating"}}}, "Deploying", "Deploying"),
    ],
)
def test_what_keeps_the_first_server_from_answering_is_said(
    told: dict[str, Any], phase: str, reason: str
) -> None:
    world = World()
    world.reconcile()
    world.publish()
    world.reconcile()
    world.the("Deployment")["status"] = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1}
    world.pods = [pod(owner="rs", container="server", **told)]
    world.reconcile()
    assert (world.status["phase"], world.says()) == (phase, ("False", reason))
    world.pods = [pod(owner="rs", container="server", state={"running": {}}, ready=True)]
    world.serve()
    world.reconcile()
    assert world.says() == ("True", "Serving")


def neurons(reason: str) -> dict[str, Any]:
    """A server that has ended for what Neuron's runtime has said, and waits to be started again."""
    return CRASHED | {"lastState": ended(10, {"reason": reason, "message": "The runtime's sentence."})}


@pytest.mark.parametrize(
    ("reason", "phase", "stalled"),
    [
        ("CoresBusy", "Deploying", "False"),
        ("DriverMismatch", "Failed", "True"),
        ("DeviceMissing", "Failed", "True"),
        ("DeviceOutOfMemory", "Failed", "True"),
    ],
)
def test_only_cores_that_come_free_are_waited_for(reason: str, phase: str, stalled: str) -> None:
    world = World()
    world.reconcile()
    world.publish()
    world.reconcile()
    world.the("Deployment")["status"] = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1}
    world.pods = [pod(owner="rs", container="server", **neurons(reason))]
    world.reconcile()
    assert (world.status["phase"], world.says()) == (phase, ("False", reason))
    assert world.says("Stalled")[0] == stalled
    world.pods = [pod(owner="rs", container="server", state={"running": {}}, ready=True)]
    world.serve()
    world.reconcile()
    assert world.says() == ("True", "Serving")


def test_cores_that_never_come_free_are_a_failure_when_the_rollout_has_had_its_time() -> None:
    world = World()
    world.reconcile()
    world.publish()
    world.reconcile()
    late = condition("Progressing", "False", "ProgressDeadlineExceeded", "it has timed out")
    world.the("Deployment")["status"] = {
        **{"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1},
        "conditions": [late],
    }
    world.pods = [pod(owner="rs", container="server", **neurons("CoresBusy"))]
    world.reconcile()
    assert (world.status["phase"], world.says()) == ("Failed", ("False", "CoresBusy"))


def test_some_servers_that_fail_degrade_a_model_that_answers() -> None:
    world = serving(replicas=2)
    world.the("Deployment")["status"] |= {"replicas": 2, "updatedReplicas": 2}
    world.pods = [pod(owner="rs", container="server", **CRASHED)]
    world.reconcile()
    assert world.status["phase"] == "Degraded"
    assert world.says() == ("True", "ServingWithFewerReplicas")


def test_scaling_up_is_no_change_of_phase() -> None:
    world = serving()
    world.the("Deployment")["spec"]["replicas"] = 3
    world.the("Deployment")["metadata"]["generation"] = 2
    world.reconcile()
    assert world.status["phase"] == "Ready"
    assert world.status["replicas"] == 1
    world.the("Deployment")["status"] |= {"observedGeneration": 2, "replicas": 3, "updatedReplicas": 3}
    world.reconcile()
    assert world.status["phase"] == "Ready"
    assert world.status["replicas"] == 3


def test_an_autoscaler_is_given_time_for_its_first_metrics() -> None:
    world = serving()
    blind = condition("ScalingActive", "False", "FailedGetResourceMetric", "no metrics", age=30)
    world.the("HorizontalPodAutoscaler")["status"] = {"conditions": [blind]}
    plan = world.reconcile()
    assert world.says("AutoscalerReady") == ("Unknown", "AutoscalerPending")
    assert plan.requeue == 90
    world.now = at(90)
    world.reconcile()
    assert world.says("AutoscalerReady") == ("False", "AutoscalerInactive")
    assert world.status["phase"] == "Ready"
