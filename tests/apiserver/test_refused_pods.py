"""Pods that may not be made, or that cannot start: the reason is told, and it heals."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hollow import Waits
from hollow.world import World
from support.kube import Object
from support.wait import eventually

CLASS_MISSING = {"serving": {"priorityClassName": "nobody-made-it"}}
ACCOUNT_MISSING = {"serving": {"serviceAccountName": "nobody-made-it"}}


def quota(namespace: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "team", "namespace": namespace},
        "spec": {"hard": {"limits.cpu": "4"}},
    }


def limits(namespace: str) -> Object:
    default = {"type": "Container", "max": {"memory": "64Mi"}}
    return {
        "apiVersion": "v1",
        "kind": "LimitRange",
        "metadata": {"name": "team", "namespace": namespace},
        "spec": {"limits": [default]},
    }


def webhook(namespace: str) -> Object:
    """One that nobody answers for, and that has to be asked."""
    asked = {
        "name": "pods.example.com",
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "failurePolicy": "Fail",
        "clientConfig": {"service": {"name": "nobody", "namespace": namespace}},
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "rules": [
            {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
        ],
    }
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "team"},
        "webhooks": [asked],
    }


def account(namespace: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "nobody-made-it", "namespace": namespace},
    }


@pytest.mark.parametrize(
    ("name", "obstacle", "words"),
    [
        ("rationed", quota, "must specify limits.cpu"),
        ("limited", limits, "memory"),
        ("guarded", webhook, 'failed calling webhook "pods.example.com"'),
    ],
)
def test_a_compile_that_the_namespace_forbids_says_so_and_goes_on_once_it_may(
    world: World, name: str, obstacle: Callable[[str], Object], words: str
) -> None:
    barrier = obstacle(world.namespace)
    world.kube.apply(barrier)
    resources = {"limits": {"memory": "128Mi"}, "requests": {"memory": "128Mi"}}
    world.apply(name, compile={"retries": 0, "resources": resources})
    refused = world.becomes(name, "Pending", "Ready", holds="False", reason="PodCreationRefused", timeout=60)
    said = next(c["message"] for c in refused["status"]["conditions"] if c["type"] == "Ready")
    assert words in said
    assert "timeoutSeconds" not in said
    world.kube.delete(barrier["kind"], "team", barrier["metadata"].get("namespace"))
    world.ready(name, timeout=120)


@pytest.mark.parametrize(("name", "obstacle"), [("served", quota), ("watched", webhook)])
def test_servers_that_may_not_be_made_say_so_while_others_serve(
    world: World, name: str, obstacle: Callable[[str], Object]
) -> None:
    world.apply(name)
    world.ready(name)
    barrier = obstacle(world.namespace)
    world.kube.apply(barrier)
    world.patch(name, replicas=2)
    found = world.becomes(
        *(name, "Degraded", "ServingReady"), holds="True", reason="PodCreationRefused", timeout=60
    )
    assert found["status"]["readyReplicas"] == 1
    world.kube.delete(barrier["kind"], "team", barrier["metadata"].get("namespace"))
    world.ready(name, timeout=120)


def test_a_missing_service_account_is_told_and_its_making_heals(world: World) -> None:
    world.apply("accountless", **ACCOUNT_MISSING)
    world.becomes(
        *("accountless", "Pending", "Ready"), holds="False", reason="PodCreationRefused", timeout=60
    )
    world.kube.apply(account(world.namespace))
    world.ready("accountless", timeout=120)


def test_a_missing_priority_class_is_told(world: World) -> None:
    world.apply("classless", **CLASS_MISSING)
    found = world.becomes(
        *("classless", "Pending", "Ready"), holds="False", reason="PodCreationRefused", timeout=60
    )
    assert "nobody-made-it" in str(found["status"]["conditions"])


def test_a_volume_that_cannot_be_mounted_is_told_in_the_kubelets_words(world: World) -> None:
    world.node.play(world.uri("far"), Waits("ContainerCreating", ""))
    world.apply("far")
    artifact = world.artifact("far")
    selector = f"neuron-operator.dev/artifact={artifact}"
    world.appears("job", f"{artifact}-compile")
    pod = eventually(lambda: world.all("pods", selector), what="the compile pod is there")[0]
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    world.kube.apply(
        {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": "far-mount", "namespace": world.namespace},
            "involvedObject": {
                "apiVersion": "v1",
                "kind": "Pod",
                "name": pod["metadata"]["name"],
                "namespace": world.namespace,
                "uid": pod["metadata"]["uid"],
            },
            "type": "Warning",
            "reason": "FailedMount",
            "message": "driver name efs.csi.example.com not found in the list of registered CSI drivers",
            "firstTimestamp": now,
            "lastTimestamp": now,
        }
    )
    found = world.becomes(*("far", "Pending", "Ready"), holds="False", reason="VolumeMountFailed", timeout=60)
    assert "efs.csi.example.com" in str(found["status"]["conditions"])
