"""What says nothing itself: its Events are read, and say why."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from neuron_operator.artifacts.decide import decide
from neuron_operator.reading.complaints import Complaint, Heard, newest_complaint
from neuron_operator.reading.objects import Object, uid_of
from neuron_operator.terms import labels
from neuron_operator.terms.reasons import Reason
from neuron_operator.world.kube import UnansweredError
from neuron_operator.world.listen import Listener, questions_of
from neuron_operator.world.world import World
from unit.operator.artifact_world import (
    JOB_UID,
    UNSCHEDULABLE,
    failed_job,
    headline,
    made_job,
    message,
    observed,
)
from unit.operator.model_world import serving
from unit.operator.worlds import NOW, SETTINGS, artifact, at, condition, ended, knowing, pod

QUOTA = 'Error creating: pods "gpt2-x7k2p" is forbidden: failed quota: team: must specify limits.cpu'
SILENT = pod(owner=JOB_UID, state={"waiting": {"reason": "ContainerCreating"}})


def event(reason: str, text: str, time: str = "2026-01-01T12:00:00Z") -> Object:
    return {"reason": reason, "message": text, "lastTimestamp": time}


def heard(uid: str, reason: str, text: str) -> Heard:
    found = newest_complaint([event("Scheduled", "assigned"), event(reason, text)])
    assert found is not None
    return {uid: found}


@pytest.mark.parametrize(
    ("reason", "text", "expected", "words"),
    [
        ("FailedMount", "driver efs.csi.aws.com not found", "VolumeMountFailed", "efs.csi.aws.com"),
        (
            "FailedMount",
            'MountVolume.SetUp failed for volume "examples" : configmap "asked" not found',
            "ConfigMapNotFound",
            '"asked" not found',
        ),
        (
            "FailedMount",
            'MountVolume.SetUp failed for volume "examples" : references non-existent config key: ours.json',
            "ConfigMapNotFound",
            "ours.json",
        ),
        ("FailedAttachVolume", "Multi-Attach error", "VolumeMountFailed", "Multi-Attach"),
        ("FailedCreatePodSandBox", "failed to assign an IP address", "ContainerNotStarted", "IP address"),
        ("Pulling", 'Pulling image "example.org/compiler:1"', "ImagePulling", "example.org"),
    ],
)
def test_a_silent_pod_says_what_its_events_say(reason: str, text: str, expected: str, words: str) -> None:
    world = observed(compile_job=made_job(), compile_pods=[SILENT], heard=heard("uid-pod-0", reason, text))
    plan = decide(artifact(), world, SETTINGS, NOW)
    assert headline(plan) == ("Pending", expected)
    assert words in message(plan)
    assert "timeoutSeconds" not in message(plan)

    started = observed(
        compile_job=made_job(), compile_pods=[pod(owner=JOB_UID, state={"running": {}})], heard=world.heard
    )
    assert headline(decide(artifact(status=plan.status), started, SETTINGS, NOW)) == (
        "Compiling",
        "Compiling",
    )


def test_a_job_that_may_make_no_pod_says_it_in_the_api_servers_words_and_heals() -> None:
    refused = observed(compile_job=made_job(), heard=heard(JOB_UID, "FailedCreate", QUOTA))
    plan = decide(artifact(), refused, SETTINGS, NOW)
    assert headline(plan) == ("Pending", "PodCreationRefused")
    assert "the pod is forbidden: failed quota: team: must specify limits.cpu" in message(plan)
    healed = observed(compile_job=made_job(), compile_pods=[SILENT], heard=refused.heard)
    assert headline(decide(artifact(status=plan.status), healed, SETTINGS, NOW)) == ("Compiling", "Compiling")


def test_a_deployment_that_may_make_no_pod_says_it_too() -> None:
    world = serving()
    failure = condition("ReplicaFailure", "True", "FailedCreate", QUOTA.removeprefix("Error creating: "))
    world.the("Deployment")["status"] |= {"readyReplicas": 0, "conditions": [failure]}
    world.reconcile()
    assert world.says() == ("False", "PodCreationRefused")
    assert "must specify limits.cpu" in world.condition("Ready")["message"]
    world.serve()
    world.reconcile()
    assert world.says() == ("True", "Serving")


def test_a_node_that_is_being_started_is_waited_for_before_it_is_a_warning() -> None:
    waiting = pod(owner=JOB_UID, conditions=(UNSCHEDULABLE,))
    promised = heard("uid-pod-0", "Nominated", "Pod should schedule on: nodeclaim/inf2-abc")

    def at_second(seconds: float, said: Heard) -> tuple[str, str]:
        world = observed(compile_job=made_job(), compile_pods=[waiting], heard=said)
        return headline(decide(artifact(), world, SETTINGS, at(seconds)))

    assert at_second(-50, {}) == ("Pending", "NodeStarting")
    assert at_second(0, {}) == ("Pending", "Unschedulable")
    assert at_second(0, promised) == ("Pending", "NodeStarting")
    assert at_second(600, promised) == ("Pending", "Unschedulable")


def test_a_claim_that_is_not_bound_is_told_in_the_provisioners_words() -> None:
    unbound = condition(
        "PodScheduled", "False", "Unschedulable", "pod has unbound immediate PersistentVolumeClaims", age=60
    )
    volumes = [{"name": "artifacts", "persistentVolumeClaim": {"claimName": "neuron-artifacts"}}]
    waiting = pod(owner=JOB_UID, conditions=(unbound,)) | {"spec": {"volumes": volumes}}
    said = heard("neuron-artifacts", "ProvisioningFailed", 'storageclass "efs" not found')
    world = observed(compile_job=made_job(), compile_pods=[waiting], heard=said)
    plan = decide(artifact(), world, SETTINGS, NOW)
    assert headline(plan) == ("Pending", "StorageNotBound")
    assert 'storageclass "efs" not found' in message(plan)


NO_DEVICE = (
    "Pod was rejected: Allocate failed due to no healthy devices present; cannot allocate unhealthy devices "
    "aws.amazon.com/neuron, which is unexpected"
)


def refused_pod(owner: str, reason: str, said: str) -> Object:
    """A pod as the kubelet leaves it that has not let it in: no container was ever begun."""
    refused = pod(owner=owner)
    refused["status"] = {"phase": "Failed", "reason": reason, "message": said}
    return refused


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("UnexpectedAdmissionError", NO_DEVICE),
        ("NodeAffinity", "Pod was rejected: Predicate NodeAffinity failed"),
        ("NodeShutdown", "Pod was rejected as the node is shutting down."),
    ],
)
@pytest.mark.parametrize("over", [False, True])
def test_a_node_that_refuses_the_pod_is_told_in_its_words_and_asked_again(
    reason: str, said: str, over: bool
) -> None:
    job = failed_job(reason="BackoffLimitExceeded") if over else made_job()
    world = observed(compile_job=job, compile_pods=[refused_pod(JOB_UID, reason, said)])
    plan = decide(artifact(), world, SETTINGS, NOW)
    assert headline(plan) == ("Failed" if over else "Compiling", "PodTurnedAway")
    assert said in message(plan)
    assert "tried again" in message(plan)
    assert (plan.requeue is not None) is over


@pytest.mark.parametrize(
    ("reason", "said", "expected"),
    [
        ("UnexpectedAdmissionError", NO_DEVICE, "PodTurnedAway"),
        ("Evicted", "The node was low on resource: memory.", "Evicted"),
        ("OutOfcpu", "Pod was rejected: Node didn't have enough resource: cpu", "Evicted"),
    ],
)
def test_servers_that_their_nodes_refuse_say_so(reason: str, said: str, expected: str) -> None:
    world = serving()
    world.the("Deployment")["status"] |= {"readyReplicas": 0}
    world.pods = [refused_pod("servers", reason, said)]
    world.reconcile()
    assert world.says() == ("False", expected)
    assert said in world.condition("Ready")["message"]
    world.pods = []
    world.serve()
    world.reconcile()
    assert world.says() == ("True", "Serving")


@pytest.mark.parametrize("failed", [False, True])
def test_an_init_container_that_fails_is_named(failed: bool) -> None:
    job = failed_job(reason="BackoffLimitExceeded") if failed else made_job()
    waiting = pod(owner=JOB_UID, state={"waiting": {"reason": "PodInitializing"}})
    waiting["status"]["initContainerStatuses"] = [{"name": "mesh-init", "ready": False, "state": ended(3)}]
    plan = decide(artifact(), observed(compile_job=job, compile_pods=[waiting]), SETTINGS, NOW)
    assert headline(plan) == ("Failed" if failed else "Pending", "InitContainerFailed")
    assert "mesh-init" in message(plan)


def test_an_image_for_another_processor_is_told_as_that() -> None:
    foreign = pod(owner=JOB_UID, state=ended(255))
    foreign["status"]["containerStatuses"][0]["state"]["terminated"]["message"] = (
        "exec /usr/bin/python3: exec format error"
    )
    world = observed(compile_job=failed_job(reason="BackoffLimitExceeded"), compile_pods=[foreign])
    assert headline(decide(artifact(), world, SETTINGS, NOW)) == ("Failed", "WrongArchitecture")


def test_the_newest_event_counts() -> None:
    events = [
        event("FailedMount", "old", "2026-01-01T11:00:00Z"),
        event("Pulling", "new", "2026-01-01T11:30:00Z"),
    ]
    assert newest_complaint(events) == Complaint(Reason.IMAGE_PULLING, "new")


def of_artifact(pod: Object) -> Object:
    """The pod with the labels that a compile pod has."""
    said = {labels.COMPONENT: labels.COMPILE, labels.ARTIFACT: "gpt2-0123456789"}
    owners = [{**owner, "kind": "Job", "name": "job"} for owner in pod["metadata"]["ownerReferences"]]
    return {**pod, "kind": "Pod", "metadata": pod["metadata"] | {"labels": said, "ownerReferences": owners}}


def test_only_what_is_silent_for_a_while_is_asked_about() -> None:
    made = made_job()
    made["metadata"]["creationTimestamp"] = "2026-01-01T11:59:50Z"
    assert not list(questions_of(knowing(made), NOW))
    assert [question.key for question in questions_of(knowing(made), at(15))] == [JOB_UID]
    assert not list(
        questions_of(knowing(made, of_artifact(pod(owner=JOB_UID, state={"running": {}}))), at(15))
    )
    assert [question.long for question in questions_of(knowing(of_artifact(SILENT)), NOW)] == [True]


async def test_what_is_heard_wakes_whom_it_concerns_once_and_is_forgotten_with_the_silence() -> None:
    async def events_about(namespace: str, about: dict[str, str]) -> list[Object]:
        assert (namespace, about) == ("team", {"uid": "uid-pod-0"})
        return [event("FailedMount", "no driver")]

    woken: list[Object] = []
    world = World(SETTINGS, lambda _: None)
    world.wrote(of_artifact(SILENT))
    cluster = cast(Any, SimpleNamespace(events_about=events_about))
    listener = Listener(cluster, world.stores, woken.append)
    await listener.listen(NOW)
    await listener.listen(at(5))
    assert listener.heard["uid-pod-0"].reason == Reason.VOLUME_MOUNT_FAILED
    assert [uid_of(pod) for pod in woken] == ["uid-pod-0"]
    world.deleted(of_artifact(SILENT))
    await listener.listen(at(10))
    assert listener.heard == {}


async def test_an_api_server_that_wants_to_be_left_alone_is_asked_about_nothing_meanwhile() -> None:
    asked: list[str] = []

    async def events_about(namespace: str, about: dict[str, str]) -> list[Object]:
        asked.append(about["uid"])
        raise UnansweredError("429: not now", 60.0)

    world = World(SETTINGS, lambda _: None)
    for number in range(3):
        silent = {**SILENT, "metadata": {**SILENT["metadata"], "name": f"p{number}", "uid": f"p{number}"}}
        world.wrote(of_artifact(silent))
    listener = Listener(cast(Any, SimpleNamespace(events_about=events_about)), world.stores, lambda _: None)
    for seconds in range(0, 60, 5):
        await listener.listen(at(seconds))
    assert len(asked) == 1
    await listener.listen(at(60))
    assert len(asked) == 2
