"""What becomes of a NeuronModel, case by case."""

import copy

import pytest
from neuron_operator.plans.plan import Plan, merge_patch
from unit.operator.model_world import World, kinds, serving
from unit.operator.worlds import (
    UPGRADED,
    at,
    condition,
)


def test_a_new_model_asks_for_its_artifact_and_a_claim_and_serves_nothing_yet() -> None:
    world = World()
    plan = world.reconcile()
    assert kinds(plan) == ["NeuronArtifact"]
    assert [obj["kind"] for obj in plan.create] == ["PersistentVolumeClaim"]
    assert world.status["phase"] == "Compiling"
    assert world.says() == ("False", "Compiling")
    assert "artifact" not in world.status
    assert world.status["preparing"]["name"] == world.wanted_name()
    assert not world.decide().writes_children


def test_a_model_that_names_a_claim_makes_none() -> None:
    world = World(storage={"claimName": "efs"})
    plan = world.reconcile()
    assert plan.create == ()
    assert plan.apply[0].obj["spec"]["claimName"] == "efs"


def test_what_the_new_artifact_says_first_changes_no_status() -> None:
    world = World()
    world.reconcile()
    before = world.status
    world.the("NeuronArtifact", world.wanted_name())["status"] = {
        "phase": "Compiling",
        "conditions": [condition("Ready", "False", "Compiling", world.condition("ArtifactReady")["message"])],
    }
    assert merge_patch(before, world.decide().status or {}) == {}


def test_a_ready_artifact_is_deployed_with_service_autoscaler_and_budget() -> None:
    world = World()
    world.reconcile()
    world.publish()
    plan = world.reconcile()
    assert sorted(kinds(plan)) == ["Deployment", "HorizontalPodAutoscaler", "PodDisruptionBudget", "Service"]
    assert world.status["phase"] == "Deploying"
    assert world.says("ArtifactReady") == ("True", "Published")
    assert world.says("ParityVerified") == ("True", "Passed")
    assert world.says("BenchmarkCompleted") == ("True", "Measured")
    assert world.status["url"] == "http://gpt2.team.svc:8000"
    assert "preparing" not in world.status


def test_a_serving_model_plans_nothing_and_writes_nothing() -> None:
    world = serving()
    world.now = at(3600)
    plan = world.decide()
    assert not plan.writes_children
    assert plan.requeue is None
    assert merge_patch(world.status, plan.status or {}) == {}
    assert world.says() == ("True", "Serving")
    assert world.says("AutoscalerReady") == ("True", "AutoscalerActive")
    assert world.says("Reconciling")[0] == "False"
    assert world.says("UpToDate") == ("True", "Settled")
    assert world.status["artifact"]["revision"] == "607a30d7"


def test_a_deleted_model_plans_nothing() -> None:
    world = serving()
    world.body["metadata"]["deletionTimestamp"] = "2026-01-01T12:00:00Z"
    world.objects.clear()
    assert world.decide() == Plan()


def test_a_deleted_service_is_made_again() -> None:
    world = serving()
    del world.objects["Service", "gpt2"]
    assert kinds(world.reconcile()) == ["Service"]


def test_an_edited_deployment_is_repaired_and_the_path_is_named() -> None:
    world = serving()
    world.the("Deployment")["spec"]["template"]["spec"]["containers"][0]["image"] = "example.org/other"
    plan = world.reconcile()
    assert kinds(plan) == ["Deployment"]
    assert plan.apply[0].drifted_at == "spec.template.spec.containers[server].image"
    assert plan.apply[0].exists


def test_a_new_digest_compiles_beside_the_one_that_serves() -> None:
    world = serving()
    served = world.served_digest()
    world.change(compile={"sequenceLengths": [64, 128]})
    plan = world.reconcile()
    assert kinds(plan) == ["NeuronArtifact"]
    assert world.says() == ("True", "ServingPreviousArtifact")
    assert world.status["phase"] == "Compiling"
    assert world.served_digest() == served == world.status["artifact"]["digest"]
    assert world.status["preparing"]["digest"] != served

    world.publish()
    assert kinds(world.reconcile()) == ["Deployment"]
    assert world.served_digest() == world.status["artifact"]["digest"] != served
    assert world.status["phase"] == "Deploying"
    assert world.says()[0] == "True"


def test_a_failed_compile_of_a_new_digest_takes_no_traffic_down() -> None:
    world = serving()
    deployment = copy.deepcopy(world.the("Deployment"))
    world.change(compile={"batchSizes": [512]})
    world.reconcile()
    failed = {
        "phase": "Failed",
        "conditions": [condition("Ready", "False", "CompilerOutOfMemory", "Raise the memory.")],
    }
    world.the("NeuronArtifact", world.wanted_name())["status"] = failed
    world.reconcile()
    assert world.the("Deployment") == deployment
    assert world.status["phase"] == "Degraded"
    assert world.says() == ("True", "ServingPreviousArtifact")
    assert world.says("ArtifactReady") == ("False", "CompilerOutOfMemory")
    assert "Raise the memory." in world.condition("Ready")["message"]


def test_a_first_compile_that_fails_is_a_failed_model() -> None:
    world = World()
    world.reconcile()
    failed = {
        "phase": "Failed",
        "conditions": [condition("Ready", "False", "RevisionNotFound", "No such revision.")],
    }
    world.the("NeuronArtifact", world.wanted_name())["status"] = failed
    plan = world.reconcile()
    assert not plan.writes_children
    assert world.status["phase"] == "Failed"
    assert world.says() == ("False", "RevisionNotFound")


def test_a_deployment_deleted_during_a_compile_comes_back_with_the_artifact_that_was_served() -> None:
    world = serving()
    served = world.served_digest()
    world.change(compile={"batchSizes": [4]})
    world.reconcile()
    del world.objects["Deployment", "gpt2"]
    assert kinds(world.reconcile()) == ["Deployment"]
    assert world.served_digest() == served


def test_what_is_served_is_read_from_the_deployment_when_status_is_lost() -> None:
    world = serving()
    served = world.served_digest()
    world.change(compile={"batchSizes": [4]})
    del world.body["status"]
    world.reconcile()
    assert world.status["artifact"]["digest"] == served
    assert world.served_digest() == served


def test_an_artifact_that_is_made_anew_while_served_keeps_its_servers() -> None:
    world = serving()
    del world.objects["NeuronArtifact", world.wanted_name()]
    assert kinds(world.reconcile()) == ["NeuronArtifact"]
    assert world.says()[0] == "True"
    assert world.find("Deployment") is not None


def test_measurements_of_an_old_artifact_are_shown_only_while_it_is_served() -> None:
    world = serving()
    assert "benchmark" in world.status
    world.change(compile={"batchSizes": [4], "benchmark": {"seconds": 0}})
    world.reconcile()
    assert "benchmark" in world.status
    world.publish(benchmark=None)
    world.reconcile()
    assert "benchmark" not in world.status
    assert "parity" in world.status
    assert world.says("BenchmarkCompleted") == ("False", "NotMeasured")


def test_a_repaired_deployment_is_not_said_to_be_replaced_before_it_is() -> None:
    world = serving()
    world.the("Deployment")["spec"]["template"]["spec"]["containers"][0]["image"] = "mirror/triton:1"
    assert kinds(world.reconcile()) == ["Deployment"]
    assert world.status["phase"] == "Ready"


@pytest.mark.parametrize(
    ("reason", "pinned_anew"),
    [
        ("ImagePullFailed", True),
        ("ToolchainMissing", True),
        ("VersionMismatch", True),
        ("ImageNotConfigured", True),
        ("SourceNotFound", False),
        ("CompilerOutOfMemory", False),
    ],
)
def test_a_pinned_image_or_toolchain_that_does_not_work_gives_way_to_an_upgrade(
    reason: str, pinned_anew: bool
) -> None:
    world = World()
    world.reconcile()
    failed = {"phase": "Failed", "conditions": [condition("Ready", "False", reason, "x")]}
    world.the("NeuronArtifact", world.wanted_name())["status"] = failed
    world.reconcile()
    settled, before = world.wanted_name(), world.status
    assert not world.reconcile().writes_children
    assert (world.wanted_name(), world.status) == (settled, before)
    world.settings = UPGRADED
    world.reconcile()
    pinned = world.status["pinned"]
    assert (pinned["toolchain"] == "cpu-torch3.0.0") is pinned_anew
    assert (pinned["compilerImage"] == "example.org/compiler:2") is pinned_anew
    assert (world.wanted_name() != settled) is pinned_anew


def test_conditions_keep_their_time_as_long_as_their_status_holds() -> None:
    world = World()
    world.reconcile()
    since = world.condition("Ready")["lastTransitionTime"]
    world.now = at(60)
    world.publish()
    world.reconcile()
    assert world.condition("Ready")["lastTransitionTime"] == since
    world.serve()
    world.reconcile()
    assert world.condition("Ready")["lastTransitionTime"] != since
