"""What becomes of a NeuronModel, case by case."""

import copy
from typing import Any

import pytest
from neuron_operator import labels
from neuron_operator.api.model import NeuronModel, parse_model
from neuron_operator.api.settings import Settings
from neuron_operator.models.decide import Observed, decide
from neuron_operator.models.wanted import candidates
from neuron_operator.objects import Object, name_of
from neuron_operator.plan import Plan, merge_patch
from unit.operator.worlds import (
    NOW,
    PARITY,
    SETTINGS,
    UPGRADED,
    at,
    condition,
    ended,
    model_body,
    pod,
    stored,
)

PUBLISHED: Object = {
    "phase": "Ready",
    "digest": "set by the tests",
    "revision": "607a30d7",
    "parity": PARITY,
    "benchmark": {"bucket": "b1_s128", "p50Milliseconds": 20.5, "throughputPerSecond": 48.1},
    "conditions": [condition("Ready", "True", "Published", "Published.")],
}
AVAILABLE: Object = {
    "observedGeneration": 1,
    "replicas": 1,
    "updatedReplicas": 1,
    "readyReplicas": 1,
    "availableReplicas": 1,
}
FAILED: Object = {
    "phase": "Failed",
    "conditions": [condition("Ready", "False", "StorageNotBound", "No volume.")],
}
ACTIVE: Object = {"conditions": [condition("ScalingActive", "True")]}


class World:
    """One NeuronModel and what surrounds it; `reconcile` does to it what a plan asks for."""

    def __init__(self, settings: Settings = SETTINGS, **spec: Any) -> None:
        self.settings = settings
        self.body = model_body(**spec)
        self.objects: dict[tuple[str, str], Object] = {}
        self.pods: list[Object] = []
        self.first_user = "gpt2"
        self.accelerators: frozenset[str] = frozenset()
        self.now = NOW

    @property
    def model(self) -> NeuronModel:
        return parse_model(self.body)

    @property
    def status(self) -> Object:
        return dict(self.body.get("status", {}))

    def wanted_name(self, target: str | None = None) -> str:
        found = candidates(self.model, self.settings)
        return found[target or self.model.target].wanted.name

    def find(self, kind: str, name: str = "gpt2") -> Object | None:
        return self.objects.get((kind, name))

    def the(self, kind: str, name: str = "gpt2") -> Object:
        return self.objects[kind, name]

    def decide(self) -> Plan:
        artifacts = {name: obj for (kind, name), obj in self.objects.items() if kind == "NeuronArtifact"}
        observed = Observed(
            artifacts=artifacts,
            first_users=dict.fromkeys(artifacts, self.first_user),
            claim=self.find("PersistentVolumeClaim", "neuron-artifacts"),
            deployment=self.find("Deployment"),
            service=self.find("Service"),
            autoscaler=self.find("HorizontalPodAutoscaler"),
            disruption_budget=self.find("PodDisruptionBudget"),
            pods=self.pods,
            accelerators=self.accelerators,
        )
        return decide(self.model, observed, self.settings, self.now)

    def reconcile(self) -> Plan:
        plan = self.decide()
        for obj in (*plan.create, *(change.obj for change in plan.apply)):
            key = (obj["kind"], name_of(obj))
            before = self.objects.get(key, {})
            self.objects[key] = stored(obj) | {k: before[k] for k in ("status",) if k in before}
        if plan.hand_over is not None:
            self.the("Deployment")["spec"]["replicas"] = plan.hand_over["spec"]["replicas"]
        for gone in plan.delete:
            del self.objects[gone["kind"], name_of(gone)]
        if plan.status is not None:
            self.body["status"] = plan.status
        return plan

    def publish(self, target: str | None = None, **changes: Any) -> None:
        """The artifact's controller does its part."""
        artifact = self.the("NeuronArtifact", self.wanted_name(target))
        artifact["status"] = copy.deepcopy(PUBLISHED) | changes

    def serve(self) -> None:
        """The Deployment's controller, the kubelet and the autoscaler do theirs."""
        self.the("Deployment")["status"] = dict(AVAILABLE)
        if self.find("HorizontalPodAutoscaler"):
            self.the("HorizontalPodAutoscaler")["status"] = copy.deepcopy(ACTIVE)

    def change(self, **spec: Any) -> None:
        """The user changes the spec."""
        self.body["spec"].update(spec)
        self.body["metadata"]["generation"] += 1

    def condition(self, type_: str) -> Object:
        return next(dict(c) for c in self.status["conditions"] if c["type"] == type_)

    def says(self, type_: str = "Ready") -> tuple[str, str]:
        found = self.condition(type_)
        return found["status"], found["reason"]

    def served_digest(self) -> str:
        container = self.the("Deployment")["spec"]["template"]["spec"]["containers"][0]
        return next(str(v["value"]) for v in container["env"] if v["name"] == "ARTIFACT_DIGEST")


def serving(**spec: Any) -> World:
    """A model that serves."""
    world = World(**spec)
    world.reconcile()
    world.publish()
    world.reconcile()
    world.serve()
    world.reconcile()
    assert world.status["phase"] == "Ready"
    return world


def kinds(plan: Plan) -> list[str]:
    return [change.obj["kind"] for change in plan.apply]


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
    assert world.says("Progressing") == ("False", "Settled")
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


def test_replicas_set_by_the_autoscaler_are_no_drift() -> None:
    world = serving()
    world.the("Deployment")["spec"]["replicas"] = 3
    assert not world.decide().writes_children


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


def test_an_artifact_that_is_being_collected_is_waited_for() -> None:
    world = World()
    world.reconcile()
    world.publish(phase="Collecting")
    plan = world.reconcile()
    assert not plan.writes_children
    assert world.says("ArtifactReady") == ("False", "ArtifactBeingCollected")
    assert world.status["phase"] == "Pending"
    del world.objects["NeuronArtifact", world.wanted_name()]
    assert kinds(world.reconcile()) == ["NeuronArtifact"]


def test_only_the_first_user_writes_the_fields_of_a_shared_artifact() -> None:
    world = World()
    world.reconcile()
    world.change(compile={"resources": {"limits": {"memory": "64Gi"}}})
    world.first_user = "an-older-one"
    assert not world.decide().writes_children
    world.first_user = "gpt2"
    plan = world.decide()
    assert plan.apply[0].obj["spec"]["compile"]["resources"] == {"limits": {"memory": "64Gi"}}
    assert plan.apply[0].drifted_at is None


@pytest.mark.parametrize(
    ("status", "first_user", "said"),
    [
        (FAILED, "an-older-one", True),
        ({"phase": "Compiling"}, "an-older-one", True),
        (PUBLISHED, "an-older-one", False),
        (FAILED, "gpt2", False),
    ],
)
def test_who_decides_on_the_resources_of_a_shared_artifact_is_said_until_it_is_published(
    status: Object, first_user: str, said: bool
) -> None:
    world = World()
    world.reconcile()
    world.the("NeuronArtifact", world.wanted_name())["status"] = status
    world.first_user = first_user
    world.reconcile()
    message = world.condition("ArtifactReady")["message"]
    sentence = " NeuronModel an-older-one, its oldest user, decides on its resources."
    assert message.endswith(sentence) is said


def test_no_claim_is_made_for_an_artifact_that_is_published() -> None:
    world = serving()
    del world.objects["PersistentVolumeClaim", "neuron-artifacts"]
    assert not world.decide().writes_children


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


def test_a_shared_artifact_stays_on_its_claim() -> None:
    world = World()
    world.reconcile()
    world.publish()
    world.the("NeuronArtifact", world.wanted_name())["spec"]["claimName"] = "elsewhere"
    world.reconcile()
    assert world.the("NeuronArtifact", world.wanted_name())["spec"]["claimName"] == "elsewhere"
    volume = world.the("Deployment")["spec"]["template"]["spec"]["volumes"][0]
    assert volume["persistentVolumeClaim"] == {"claimName": "elsewhere", "readOnly": True}


@pytest.mark.parametrize(
    ("status", "first_user", "made_anew"),
    [
        ({}, "gpt2", True),
        ({"phase": "Pending"}, "gpt2", True),
        (FAILED, "gpt2", True),
        (FAILED, "an-older-one", False),
        ({"phase": "Compiling"}, "gpt2", False),
        (PUBLISHED, "gpt2", False),
        (PUBLISHED | {"phase": "Collecting"}, "gpt2", False),
    ],
)
def test_a_corrected_claim_makes_an_artifact_without_files_anew(
    status: Object, first_user: str, made_anew: bool
) -> None:
    world = World(storage={"claimName": "wrnog"})
    world.reconcile()
    name = world.wanted_name()
    world.the("NeuronArtifact", name)["status"] = copy.deepcopy(status)
    world.first_user = first_user
    world.change(storage={"claimName": "right"})
    plan = world.reconcile()
    assert [name_of(obj) for obj in plan.delete] == ([name] if made_anew else [])
    assert "NeuronArtifact" not in kinds(plan)
    world.reconcile()
    claim = world.the("NeuronArtifact", name)["spec"]["claimName"]
    assert claim == ("right" if made_anew else "wrnog")


def test_an_unwell_artifact_on_the_right_claim_is_left_alone() -> None:
    world = World(storage={"claimName": "right"})
    world.reconcile()
    world.the("NeuronArtifact", world.wanted_name())["status"] = FAILED
    assert not world.reconcile().writes_children


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


def test_an_upgrade_of_the_operator_changes_nothing_until_the_spec_does() -> None:
    world = serving()
    world.settings = UPGRADED
    assert [c.drifted_at for c in world.decide().apply if c.obj["kind"] == "NeuronArtifact"] == []
    assert world.status["pinned"]["toolchain"] == "cpu-torch2.13.0"
    world.change(storage={"ttlSeconds": 5})
    world.reconcile()
    assert world.status["pinned"]["toolchain"] == "cpu-torch3.0.0"
    assert world.status["pinned"]["servingImage"] == "example.org/triton:2"


def test_a_fixed_number_of_replicas_replaces_the_autoscaler() -> None:
    world = serving()
    world.change(replicas=2)
    plan = world.reconcile()
    assert [obj["kind"] for obj in plan.delete] == ["HorizontalPodAutoscaler"]
    assert world.the("Deployment")["spec"]["replicas"] == 2
    assert all(c["type"] != "AutoscalerReady" for c in world.status["conditions"])


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
    world.change(compile={"batchSizes": [4]}, autoscaling={"maxReplicas": 9})
    plan = world.reconcile()
    assert plan.hand_over is None
    assert world.the("HorizontalPodAutoscaler")["spec"]["maxReplicas"] == 9


def test_the_number_of_replicas_is_handed_over_when_an_autoscaler_takes_it() -> None:
    world = serving(replicas=4)
    assert world.the("Deployment")["metadata"]["annotations"][labels.REPLICAS_OWNER] == "NeuronModel"
    del world.body["spec"]["replicas"]
    world.change(autoscaling={"minReplicas": 2, "maxReplicas": 6})
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
    assert world.says() == ("False", "ScaledToZero")


CRASHED: dict[str, Any] = {
    "state": {"waiting": {"reason": "CrashLoopBackOff"}},
    "lastState": ended(10, {"reason": "ArtifactCorrupt", "message": "model.pt does not match its checksum."}),
    "restartCount": 3,
}


@pytest.mark.parametrize(
    ("told", "phase", "reason"),
    [
        (CRASHED, "Failed", "ArtifactCorrupt"),
        (CRASHED | {"state": {"running": {}}}, "Failed", "ArtifactCorrupt"),
        ({"state": ended(137, reason="OOMKilled")}, "Failed", "ServerOutOfMemory"),
        ({"state": ended(1)}, "Failed", "ServerCrashLooping"),
        (
            {"conditions": (condition("PodScheduled", "False", "Unschedulable", "no node"),)},
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


def measured(**changes: Any) -> Object:
    return {**PARITY, **changes}


@pytest.mark.parametrize(
    ("parity", "artifact_parity", "served", "says"),
    [
        ({}, PARITY, True, ("True", "Passed")),
        ({"tolerance": 1e-7}, PARITY, False, ("False", "ParityFailed")),
        ({"tolerance": 1e-7, "policy": "Warn"}, PARITY, True, ("False", "OutsideTolerance")),
        ({"metric": "MaxRel", "tolerance": 1e-7}, PARITY, False, ("False", "ParityFailed")),
        ({"metric": "Cosine", "tolerance": 1e-4}, PARITY, False, ("False", "ParityFailed")),
        ({"metric": "Cosine", "tolerance": 1e-2}, PARITY, True, ("True", "Passed")),
        ({}, measured(passed=False, value=0.1, maxRel=0.1), False, ("False", "ParityFailed")),
        ({"tolerance": 0.5}, measured(passed=False, value=0.1, maxRel=0.1), True, ("True", "Passed")),
        ({}, None, False, ("False", "NotMeasured")),
        ({"policy": "Skip"}, None, True, ("Unknown", "NotMeasured")),
    ],
)
def test_each_model_judges_the_measured_parity_by_its_own_demands(
    parity: Object, artifact_parity: Object | None, served: bool, says: tuple[str, str]
) -> None:
    world = World(compile={"parity": parity})
    world.reconcile()
    world.publish(parity=artifact_parity)
    world.reconcile()
    assert (world.find("Deployment") is not None) is served
    assert world.says("ParityVerified") == says
    assert world.status["phase"] == ("Deploying" if served else "Failed")


NEURON = "aws.amazon.com/neuroncore"


def test_without_an_accelerator_a_fallback_serves_from_the_cpu_and_says_so() -> None:
    world = World(target="inf2", fallback="CPU")
    world.reconcile()
    assert world.status["target"] == "cpu"
    assert world.says("FallbackActive") == ("True", "NoAccelerator")
    assert world.find("NeuronArtifact", world.wanted_name("cpu")) is not None
    assert world.find("NeuronArtifact", world.wanted_name("inf2")) is None
    assert world.status["pinned"]["compilerImage"] == "example.org/compiler:1"


def test_a_fallback_ends_when_an_accelerator_appears_and_the_cpu_serves_until_then() -> None:
    world = World(target="inf2", fallback="CPU")
    world.reconcile()
    world.publish("cpu")
    world.reconcile()
    world.serve()
    world.reconcile()
    on_cpu = world.served_digest()
    world.accelerators = frozenset({NEURON})
    world.reconcile()
    assert world.says("FallbackActive") == ("False", "AcceleratorFound")
    assert (world.status["target"], world.served_digest()) == ("inf2", on_cpu)
    world.publish("inf2")
    world.reconcile()
    assert world.served_digest() != on_cpu
    limits = world.the("Deployment")["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
    assert limits[NEURON] == "1"


def test_a_model_goes_back_to_the_cpu_when_the_last_accelerator_goes() -> None:
    world = World(target="inf2", fallback="CPU")
    world.accelerators = frozenset({NEURON})
    world.reconcile()
    world.publish("inf2")
    world.reconcile()
    world.accelerators = frozenset()
    world.reconcile()
    assert world.status["target"] == "cpu"
    assert "inf2" in world.condition("FallbackActive")["message"]
    world.publish("cpu")
    world.reconcile()
    limits = world.the("Deployment")["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
    assert NEURON not in limits


def pod_specs(world: World, target: str) -> tuple[Object, Object]:
    """Of the NeuronArtifact, placement and resources; of the server's pod, everything."""
    artifact = world.the("NeuronArtifact", world.wanted_name(target))["spec"]
    compiles = {"placement": artifact.get("placement"), "resources": artifact["compile"].get("resources")}
    return compiles, world.the("Deployment")["spec"]["template"]["spec"]


ON_NEURON_NODES: Object = {
    "nodeSelector": {"pool": "inferentia"},
    "tolerations": [{"key": "aws.amazon.com/neuron", "operator": "Exists"}],
    "serviceAccountName": "irsa",
    "resources": {"requests": {NEURON: "2"}, "limits": {NEURON: "2", "memory": "9Gi"}},
}
COMPILE_ON_NEURON: Object = {"resources": {"limits": {NEURON: "2", "memory": "32Gi"}}}


def test_a_fallback_leaves_what_is_meant_for_the_accelerator_aside() -> None:
    world = World(target="inf2", fallback="CPU", serving=ON_NEURON_NODES, compile=COMPILE_ON_NEURON)
    world.reconcile()
    world.publish("cpu")
    world.reconcile()
    compiles, serves = pod_specs(world, "cpu")
    assert compiles == {"placement": None, "resources": {"limits": {"memory": "32Gi"}}}
    assert not serves.keys() & {"nodeSelector", "tolerations", "serviceAccountName"}
    asked = serves["containers"][0]["resources"]
    assert asked["limits"] == {"memory": "9Gi"}
    assert NEURON not in asked["requests"]


@pytest.mark.parametrize("target", ["cpu", "inf2"])
def test_a_model_whose_own_target_is_served_keeps_its_devices_and_its_nodes(target: str) -> None:
    world = World(target=target, serving=ON_NEURON_NODES, compile=COMPILE_ON_NEURON)
    world.reconcile()
    world.publish()
    world.reconcile()
    compiles, serves = pod_specs(world, target)
    assert compiles["placement"]["nodeSelector"] == serves["nodeSelector"] == {"pool": "inferentia"}
    assert compiles["resources"]["limits"][NEURON] == "2"
    assert serves["containers"][0]["resources"]["limits"][NEURON] == "2"


def test_without_a_fallback_the_accelerator_is_asked_for_whatever_the_nodes_have() -> None:
    world = World(target="inf2")
    world.reconcile()
    assert world.status["target"] == "inf2"
    assert all(c["type"] != "FallbackActive" for c in world.status["conditions"])


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
