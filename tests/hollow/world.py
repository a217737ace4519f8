"""What a test of the operator works with: a namespace, models for the hollow node; what they become."""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import yaml
from support.kube import Kube, Object, condition
from support.wait import eventually

from hollow import objects
from hollow.node import HollowNode
from hollow.process import OperatorProcess
from hollow.recorder import Recorder

CLASS = "hollow"
OF_NAMESPACE = "tests.neuron-operator.dev/namespace"
"""Label of a volume: the namespace that it was made for."""
API = "neuron-operator.dev/v1alpha1"
MODELS, ARTIFACTS = "neuronmodels", "neuronartifacts"
PATHS = {
    "jobs": "apis/batch/v1",
    "deployments": "apis/apps/v1",
    "pods": "api/v1",
    MODELS: f"apis/{API}",
    ARTIFACTS: f"apis/{API}",
}


def exists(_: Object) -> bool:
    return True


def is_ready(found: Object) -> bool:
    """Whether a NeuronModel or NeuronArtifact is in the phase Ready."""
    return bool(found.get("status", {}).get("phase") == "Ready")


def settings(**changes: Any) -> Object:
    """The operator's settings as the chart writes them, with images that nobody pulls."""
    images = {family: f"images.invalid/{family}:1" for family in ("cpu", "neuronx", "neuron")}
    return {
        "images": {"pullPolicy": "IfNotPresent", "pullSecrets": [], "compiler": images, "triton": images},
        "toolchains": {"cpu": "cpu-torch2.13.0", "neuronx": "neuronx-2.31.1", "neuron": "neuron-2.20.2"},
        "storage": {"claimName": "", "storageClassName": CLASS, "size": "1Gi", "ttlSeconds": 3600},
        "accelerator": {
            "resourceName": "tests.neuron-operator.dev/core",
            "coresPerDevice": {"inf1": 4, "inf2": 2, "trn1": 2, "trn2": 4},
        },
        "hub": {"endpoint": ""},
        "fallback": {"allowed": True},
        **changes,
    }


class World:
    """One namespace whose models the operator looks after, and the node that plays their pods."""

    def __init__(self, kube: Kube, node: HollowNode, namespace: str, operator: OperatorProcess) -> None:
        self.kube, self.node, self.namespace, self.operator = kube, node, namespace, operator

    def uri(self, name: str) -> str:
        """A model of the hub that no other namespace's tests know; the key for `node.play`."""
        return f"hf://{self.namespace}/{name}"

    def model(self, name: str, **spec: Any) -> Object:
        """A NeuronModel for the CPU of the hollow node; `spec` is merged over its spec, one level deep."""
        base: dict[str, Any] = {
            "model": {"uri": self.uri(name)},
            "target": "cpu",
            "compile": {"retries": 0},
            "serving": objects.placement(self.node.name),
        }
        for key, value in spec.items():
            base[key] = {**base[key], **value} if isinstance(value, Mapping) and key in base else value
        return {
            "apiVersion": API,
            "kind": "NeuronModel",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": base,
        }

    def apply(self, name: str, **spec: Any) -> str:
        """Apply `model(name, **spec)` and return the name."""
        self.kube.apply(self.model(name, **spec))
        return name

    def create(self, *names: str) -> None:
        """Create new models of these names, with one request each and nothing else."""
        models = yaml.safe_dump_all(self.model(name) for name in names)
        self.kube.kubectl("create", "--validate=false", "-f", "-", stdin=models)

    def get(self, kind: str, name: str) -> Object | None:
        return self.kube.get(kind, name, self.namespace)

    def there(self, kind: str, name: str) -> Object:
        found = self.get(kind, name)
        assert found, f"{kind} {name} is not there"
        return found

    def all(self, kind: str, selector: str = "") -> list[Object]:
        return self.kube.list(kind, self.namespace, selector)

    def status(self, name: str) -> Object:
        return dict(self.there(MODELS, name).get("status", {}))

    def patch(self, name: str, **spec: Any) -> None:
        """A merge patch of the NeuronModel's spec."""
        self.kube.patch(MODELS, name, self.namespace, {"spec": spec})

    def delete(self, kind: str, name: str) -> None:
        self.kube.delete(kind, name, self.namespace)

    def gone(self, kind: str, name: str, timeout: float = 120) -> None:
        eventually(lambda: self.get(kind, name) is None, what=f"{kind} {name} is gone", timeout=timeout)

    def appears(self, kind: str, name: str, timeout: float = 120) -> Object:
        return eventually(lambda: self.get(kind, name), what=f"{kind} {name} is there", timeout=timeout)

    def ready(self, name: str, timeout: float = 120) -> Object:
        """Wait until the newest generation of the model is Ready, and return the model."""
        return self.becomes(name, "Ready", "Ready", timeout=timeout, holds="True")

    def becomes(
        self, name: str, phase: str, kind: str, *, holds: str, reason: str | None = None, timeout: float = 120
    ) -> Object:
        """Wait for that phase and that condition, said about the newest generation; return the model."""

        def probe() -> Object:
            found = self.there(MODELS, name)
            now = condition(found, kind)
            seen = (found["status"].get("phase"), now["status"], found["status"]["observedGeneration"])
            assert seen == (phase, holds, found["metadata"]["generation"]), f"{seen}: {now}"
            assert reason in (None, now["reason"]), str(now)
            return found

        return eventually(probe, what=f"{name} is {phase}, {kind}={holds} {reason or ''}", timeout=timeout)

    def phase(self, name: str, expected: str, timeout: float = 120) -> None:
        eventually(
            lambda: self.status(name).get("phase") == expected, what=f"{name} is {expected}", timeout=timeout
        )

    def artifact(self, name: str) -> str:
        """The name of the artifact that the model is served from, or waits for."""

        def probe() -> str | None:
            status = self.status(name)
            found = status.get("preparing") or status.get("artifact") or {}
            return found.get("name")

        return eventually(probe, what=f"{name} names its artifact", timeout=60)

    def events(self, name: str, reason: str) -> list[str]:
        """What the Events with that reason say about the object of that name."""
        chosen = f"involvedObject.name={name},reason={reason}"
        command = ("get", "events", "-n", self.namespace, "--field-selector", chosen, "-o", "json")
        return [event["message"] for event in json.loads(self.kube.kubectl(*command))["items"]]

    def record(self, kind: str) -> Recorder:
        """All that happens to the objects of that kind in the namespace from now on."""
        return Recorder(self.kube, f"/{PATHS[kind]}/namespaces/{self.namespace}/{kind}")


@contextmanager
def namespace(kube: Kube, name: str) -> Iterator[str]:
    """A new namespace with a volume that fits the operator's claim.

    At the end both are deleted but not awaited: the name's next user waits, and so does `remove`.
    """
    remove(kube, name)
    kube.namespace(name)
    kube.apply(volume(name))
    try:
        yield name
    finally:
        kube.delete("namespace", name)
        kube.kubectl("delete", "persistentvolume", "-l", f"{OF_NAMESPACE}={name}", "--wait=false")


def remove(kube: Kube, name: str) -> None:
    """Delete the namespace and its volumes, and wait until they are gone."""
    kube.remove_namespace(name)
    chosen = f"{OF_NAMESPACE}={name}"
    eventually(
        lambda: not kube.list("persistentvolume", selector=chosen), what=f"the volumes of {name} are gone"
    )


def volume(name: str) -> Object:
    """A volume for the claim `neuron-artifacts` of that namespace; no kubelet will ever mount it."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"{name}-artifacts", "labels": {OF_NAMESPACE: name}},
        "spec": {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteMany"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": CLASS,
            "claimRef": {"namespace": name, "name": "neuron-artifacts"},
            "hostPath": {"path": "/var/empty"},
        },
    }


@contextmanager
def world(kube: Kube, node: HollowNode, name: str, home: Path, **changes: Any) -> Iterator[World]:
    """A namespace of that name with an operator that looks after it.

    Args:
        home: a directory for the operator's files.
        changes: settings of the operator, over `settings()`.
    """
    with ExitStack() as stack:
        stack.enter_context(namespace(kube, name))
        operator = OperatorProcess(kube, home / name, [name], settings(**changes))
        yield World(kube, node, name, stack.enter_context(operator))
