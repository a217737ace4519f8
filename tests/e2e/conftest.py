"""One operator, installed by the chart, and one namespace with models on a volume, for the whole suite."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from support.kube import Kube, Object, condition
from support.release import Release
from support.toolbox import Toolbox
from support.wait import eventually

OPERATOR_NAMESPACE = "neuron-e2e-system"
NAMESPACE = "neuron-e2e"
HUB_PORT = 8080
# Requests that leave room on two cores for all that runs at the same time.
SMALL = {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "4Gi"}}


class World:
    """What a test works with: the cluster, the installed operator, and models to compile."""

    def __init__(self, kube: Kube, release: Release, toolbox: Toolbox) -> None:
        self.kube, self.release, self.toolbox = kube, release, toolbox

    namespace = NAMESPACE

    def model(self, name: str, uri: str = "pvc://models/gpt2", **spec: Any) -> Object:
        """A NeuronModel for the CPU with small buckets; `spec` is merged over its spec."""
        model = {"uri": uri, **spec.pop("model", {})}
        if "replicas" not in spec:
            spec.setdefault("autoscaling", {"horizontalPodAutoscaler": {"minReplicas": 1, "maxReplicas": 1}})
        # TorchScript compiles in seconds; what machine code needs longer for is a test of its own.
        target = spec.pop("target", "cpu")
        fast = {"cpu": {"backend": "TorchScript"}} if target == "cpu" else {}
        compile_ = {"sequenceLengths": [16], "benchmark": {"seconds": 1}, **fast, **spec.pop("compile", {})}
        return {
            "apiVersion": "neuron-operator.dev/v1alpha1",
            "kind": "NeuronModel",
            "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": {"model": model, "target": target, "compile": compile_, **spec},
        }

    def get(self, name: str) -> Object | None:
        return self.kube.get("neuronmodel", name, NAMESPACE)

    def status(self, name: str) -> Object:
        found = self.get(name)
        assert found, f"NeuronModel {name} is not there"
        return dict(found.get("status", {}))

    def ready(self, name: str, timeout: float = 480) -> Object:
        """Wait until the model's newest generation is Ready, and return it."""

        def probe() -> Object | None:
            found = self.get(name)
            now = condition(found, "Ready")
            assert found, "not there yet"
            assert found["status"].get("phase") == "Ready", str(found["status"])
            assert now["status"] == "True", str(now)
            assert now["observedGeneration"] == found["metadata"]["generation"], str(now)
            return found

        return eventually(probe, what=f"NeuronModel {name} is Ready", timeout=timeout, every=0.3)

    def settled(self, name: str) -> Object:
        """Wait until the model is Ready and its autoscaler has read its metric, and return the model."""
        self.ready(name)

        def probe() -> Object | None:
            found = self.get(name)
            assert condition(found, "AutoscalerReady")["status"] == "True", str(found)
            return found

        return eventually(probe, what=f"the autoscaler of {name} is active", timeout=120)

    def reason(self, name: str, kind: str, expected: str, timeout: float = 120) -> Object:
        """Wait until the condition has that reason, and return it."""

        def probe() -> Object | None:
            now = condition(self.get(name), kind)
            assert now["reason"] == expected, str(now)
            return now

        return eventually(probe, what=f"{name}: {kind} says {expected}", timeout=timeout)

    def phase(self, name: str, expected: str, timeout: float = 120) -> None:
        def probe() -> bool:
            return self.status(name).get("phase") == expected

        eventually(probe, what=f"{name} is {expected}", timeout=timeout, every=0.05)

    def remove(self, *names: str) -> None:
        """Delete the models and wait until they are gone; their pods drain for ten seconds more."""
        for name in names:
            self.kube.delete("neuronmodel", name, NAMESPACE)
        for name in names:
            eventually(lambda name=name: self.get(name) is None, what=f"{name} is gone")  # type: ignore[misc]

    def ask(self, check: str, name: str, reference: str, *more: str) -> str:
        """Run the toolbox's client against the model's Service; its log says what it found."""
        host = f"{name}.{NAMESPACE}.svc"
        doors = ("--url", f"{host}:8000", "--grpc", f"{host}:8001")
        asked = ("--model", name, "--reference", reference, *more)
        command = ("python", "-m", "toolbox.client", check, *doors, *asked)
        return self.kube.run_job(self.toolbox.job(f"ask-{name}", *command))

    def jobs_of(self, artifact: str) -> list[Object]:
        return self.kube.list(
            "jobs", NAMESPACE, f"neuron-operator.dev/artifact={artifact},app.kubernetes.io/component=compile"
        )


@pytest.fixture(scope="session")
def world(kube: Kube, images: dict[str, str]) -> Iterator[World]:
    with installed(kube, images) as world:
        yield world


@contextmanager
def installed(kube: Kube, images: dict[str, str]) -> Iterator[World]:
    """The operator and its namespace with the models, which go at the end."""
    toolbox = Toolbox(images["toolbox"], NAMESPACE, {"models": "/models"})
    release = Release(
        kube,
        OPERATOR_NAMESPACE,
        [NAMESPACE],
        images,
        {
            "storage": {"claimName": "artifacts", "ttlSeconds": 3600},
            "hub": {"endpoint": f"http://hub.{NAMESPACE}.svc:{HUB_PORT}"},
            "resources": {role: {"cpu": SMALL, "neuronx": SMALL} for role in ("compile", "serving")},
            # One step up from the 100Mi of the test that runs out of memory, and then no more.
            "compile": {"maxMemory": "200Mi"},
        },
    )
    for leftover in (NAMESPACE, OPERATOR_NAMESPACE):
        kube.remove_namespace(leftover)
    try:
        kube.namespace(NAMESPACE)
        for claim in ("models", "artifacts"):
            kube.shared_volume(claim, NAMESPACE)
        shelf = Toolbox(images["toolbox"], NAMESPACE, {"artifacts": "/artifacts"})
        kube.run_job(shelf.job("empty-artifacts", "find", "/artifacts", "-mindepth", "1", "-delete"))
        seed = ("python", "-m", "toolbox.seed")
        kube.run_job(toolbox.job("seed-gpt2", *seed, "gpt2", "--layers", "2", "--out", "/models/gpt2"))
        kube.run_job(toolbox.job("seed-minilm", *seed, "minilm", "--out", "/models/minilm"))
        kube.run_job(toolbox.job("seed-broken", *seed, "broken", "--out", "/models/broken"))
        hub = ("python", "-m", "toolbox.hub", "--root", "/models", "--port", str(HUB_PORT))
        kube.apply(*toolbox.server("hub", HUB_PORT, *hub))
        release.install()
        yield World(kube, release, toolbox)
    finally:
        release.uninstall()
        for namespace in (NAMESPACE, OPERATOR_NAMESPACE):
            kube.remove_namespace(namespace)
