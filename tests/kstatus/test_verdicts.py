"""What machines make of a status: kstatus and Argo CD judge every phase, by their own code."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from cluster.tools import Tool, build
from neuron_operator.artifacts.decide import decide
from neuron_operator.models.status import refused
from neuron_operator.reading.objects import Object
from neuron_operator.terms import labels
from unit.operator.artifact_world import (
    JOB_UID,
    UNSCHEDULABLE,
    artifact_of,
    expired,
    failed_job,
    made_job,
    observed,
    ready_status,
)
from unit.operator.model_world import World, serving
from unit.operator.worlds import NOW, SETTINGS, artifact_body, condition, ended, pod

HERE = Path(__file__).parent
SCRIPT = HERE.parents[1] / "examples" / "argocd" / "health.lua"
CRDS = HERE.parents[1] / "crds"
JUDGE = Tool("kstatus", "./", module=HERE)


def judged(body: Object) -> tuple[str, str]:
    """The verdict of kstatus, and the health that Argo CD shows."""
    done = subprocess.run(
        [build(JUDGE), SCRIPT], input=json.dumps(body) + "\n", capture_output=True, text=True, check=True
    )
    verdict = json.loads(done.stdout)
    return verdict["kstatus"], verdict["health"]


def failed_artifact(world: World, reason: str) -> None:
    said = [condition("Ready", "False", reason, "So it is.")]
    world.the("NeuronArtifact", world.wanted_name())["status"] = {"phase": "Failed", "conditions": said}
    world.reconcile()


def before_an_operator(plural: str) -> Object:
    """The status that the API server gives to what is new."""
    crd = yaml.safe_load((CRDS / f"{plural}.yaml").read_text())
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    status: Object = schema["properties"]["status"]["default"]
    return status


def unwatched() -> Object:
    return World().body | {"status": before_an_operator("neuronmodels")}


def compiling() -> Object:
    world = World()
    world.reconcile()
    return world.body


def failed_for_good() -> Object:
    world = World()
    world.reconcile()
    failed_artifact(world, "RevisionNotFound")
    return world.body


def failed_for_now() -> Object:
    world = World()
    world.reconcile()
    failed_artifact(world, "SourceUnreachable")
    return world.body


def deploying() -> Object:
    world = World()
    world.reconcile()
    world.publish()
    world.reconcile()
    return world.body


def ready() -> Object:
    return serving().body


def edited_and_not_seen() -> Object:
    world = serving()
    world.change(replicas=2)
    return world.body


def edited_and_compiling() -> Object:
    world = serving()
    world.change(compile={"batchSizes": [4]})
    world.reconcile()
    return world.body


def edited_and_failed() -> Object:
    world = serving()
    world.change(compile={"batchSizes": [4]})
    world.reconcile()
    failed_artifact(world, "SequenceTooLong")
    return world.body


def rolling() -> Object:
    world = serving()
    world.change(serving={"localCopy": True})
    world.reconcile()
    return world.body


def taken_back() -> Object:
    world = serving()
    world.change(serving={"localCopy": True})
    world.reconcile()
    world.the("Deployment")["status"] |= {
        "replicas": 2,
        "updatedReplicas": 1,
        "conditions": [condition("Progressing", "False", "ProgressDeadlineExceeded")],
    }
    world.reconcile()
    assert world.says() == ("True", "RolledBack")
    return world.body


def undone() -> Object:
    world = serving()
    (first,) = world.status["history"]
    world.change(compile={"batchSizes": [4]})
    world.reconcile()
    world.publish()
    world.reconcile()
    world.body["metadata"]["annotations"] = {labels.UNDO: first["digest"]}
    world.reconcile()
    world.reconcile()
    assert world.says() == ("True", "Undone")
    return world.body


def crashing() -> Object:
    world = serving()
    world.the("Deployment")["status"] |= {"readyReplicas": 0}
    world.pods = [pod(owner="x", container="server", state=ended(1), ready=False)]
    world.reconcile()
    return world.body


def waiting_for_a_node() -> Object:
    world = serving(replicas=2)
    world.the("Deployment")["status"] |= {"replicas": 2, "updatedReplicas": 2}
    world.pods = [pod(owner="x", container="server", conditions=(UNSCHEDULABLE,))]
    world.reconcile()
    return world.body


def scaled_to_zero() -> Object:
    world = serving(replicas=1)
    world.change(replicas=0)
    world.reconcile()
    world.the("Deployment")["status"] |= {"replicas": 0, "updatedReplicas": 0, "readyReplicas": 0}
    world.reconcile()
    return world.body


def rejected() -> Object:
    world = serving()
    status = refused(world.model, world.status, "Deployment gpt2 was refused: no.", NOW)
    return world.body | {"status": status}


def deleted() -> Object:
    world = serving()
    world.body["metadata"]["deletionTimestamp"] = "2026-01-01T12:00:00Z"
    return world.body


@pytest.mark.parametrize(
    ("phase", "kstatus", "health"),
    [
        (unwatched, "InProgress", "Progressing"),
        (compiling, "InProgress", "Progressing"),
        (failed_for_now, "InProgress", "Progressing"),
        (failed_for_good, "Failed", "Degraded"),
        (deploying, "InProgress", "Progressing"),
        (ready, "Current", "Healthy"),
        (edited_and_not_seen, "InProgress", "Progressing"),
        (edited_and_compiling, "InProgress", "Progressing"),
        (edited_and_failed, "Failed", "Degraded"),
        (rolling, "InProgress", "Progressing"),
        (taken_back, "Failed", "Degraded"),
        (undone, "Current", "Healthy"),
        (crashing, "Failed", "Degraded"),
        (waiting_for_a_node, "InProgress", "Progressing"),
        (scaled_to_zero, "Current", "Suspended"),
        (rejected, "Failed", "Degraded"),
        (deleted, "Terminating", "Healthy"),
    ],
)
def test_machines_read_a_model_as_people_do(phase: Callable[[], Object], kstatus: str, health: str) -> None:
    assert judged(phase()) == (kstatus, health)


RUNNING = pod(owner=JOB_UID, state={"running": {}})
GIVEN_UP = pod(owner=JOB_UID, state=ended(10, {"outcome": "Failed", "reason": "RevisionNotFound"}))
UNREACHABLE = pod(owner=JOB_UID, state=ended(1, {"outcome": "Failed", "reason": "SourceUnreachable"}))


def artifact_with(status: Object | None = None, **changes: object) -> Object:
    """The artifact after one more reconcile."""
    body = artifact_body(status=status)
    plan = decide(artifact_of(body), observed(body=body, **changes), SETTINGS, NOW)
    return body | {"status": plan.status}


@pytest.mark.parametrize(
    ("body", "kstatus", "health"),
    [
        (artifact_body(status=before_an_operator("neuronartifacts")), "InProgress", "Progressing"),
        (artifact_with(), "InProgress", "Progressing"),
        (artifact_with(compile_job=made_job(), compile_pods=[RUNNING]), "InProgress", "Progressing"),
        (artifact_with(compile_job=failed_job(), compile_pods=[GIVEN_UP]), "Failed", "Degraded"),
        (
            artifact_with(compile_job=failed_job(reason="BackoffLimitExceeded"), compile_pods=[UNREACHABLE]),
            "InProgress",
            "Progressing",
        ),
        (artifact_with(ready_status()), "Current", "Healthy"),
        (artifact_with(expired() | {"phase": "Collecting"}, users=[]), "InProgress", "Progressing"),
    ],
)
def test_machines_read_an_artifact_as_people_do(body: Object, kstatus: str, health: str) -> None:
    assert judged(body) == (kstatus, health)


def test_ready_is_said_of_the_generation_that_serves_so_that_kubectl_wait_does_not_take_the_old_one() -> None:
    world = serving()
    assert world.condition("Ready")["observedGeneration"] == 1
    world.change(compile={"batchSizes": [4]})
    world.reconcile()
    ready_now, newest = world.condition("Ready"), world.condition("UpToDate")
    assert (ready_now["status"], ready_now["observedGeneration"]) == ("True", 1)
    assert (newest["status"], newest["observedGeneration"]) == ("False", 2)
    world.publish()
    world.reconcile()
    assert world.condition("Ready")["observedGeneration"] == 1
    world.serve()
    world.the("Deployment")["metadata"]["generation"] = 1
    world.reconcile()
    assert world.condition("Ready")["observedGeneration"] == 2
    assert world.says("UpToDate") == ("True", "Settled")
