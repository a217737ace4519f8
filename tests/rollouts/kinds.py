"""The kinds of changes that nobody who asks may notice, each done and waited for."""

import copy
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from e2e.conftest import NAMESPACE, World
from support.kube import Object, condition
from support.wait import eventually

Change = Callable[["Model", int], None]
"""Does it to the model for the n-th time, and returns once it is over."""


@dataclass
class Model:
    """A model that serves, as its spec stands."""

    world: World
    name: str
    spec: dict[str, Any] = field(default_factory=dict)

    def apply(self, **spec: Any) -> None:
        """Change these parts of the spec."""
        self.spec |= spec
        self.world.kube.apply(self.world.model(self.name, **copy.deepcopy(self.spec)))

    def settled(self) -> None:
        """Wait until what the spec asks for serves, and nothing else does."""

        def probe() -> bool:
            found = self.world.get(self.name)
            assert found
            said = condition(found, "UpToDate")
            assert said["status"] == "True", str(said)
            assert said["observedGeneration"] == found["metadata"]["generation"], str(said)
            wanted = self.world.kube.get("deployment", self.name, NAMESPACE)
            assert wanted
            return len(self.servers()) == int(wanted["spec"]["replicas"])

        eventually(probe, what=f"{self.name} has settled", timeout=480)

    def servers(self) -> list[Object]:
        return self.world.kube.list("pods", NAMESPACE, f"neuron-operator.dev/model={self.name}")

    def replaced(self, change: Callable[[], None]) -> None:
        """Make a change and wait until no server of before is left."""
        before = {pod["metadata"]["uid"] for pod in self.servers()}
        change()
        eventually(
            lambda: before.isdisjoint(pod["metadata"]["uid"] for pod in self.servers()),
            what="the old servers are gone",
            timeout=480,
        )
        self.settled()

    def goes_back(self, reason: str, timeout: float = 480) -> None:
        """Wait until Ready is True and has that reason, because the newest spec cannot be served."""

        def probe() -> bool:
            said = condition(self.world.get(self.name), "Ready")
            assert (said["status"], said["reason"]) == ("True", reason), str(said)
            return True

        eventually(probe, what=f"{self.name} serves what it did: {reason}", timeout=timeout)


@dataclass(frozen=True)
class Kind:
    """A change: to what model, and what is done to it."""

    change: Change
    replicas: int = 1
    spec: Mapping[str, Any] = field(default_factory=dict)


def _new_artifact(model: Model, run: int) -> None:
    model.replaced(lambda: model.apply(compile={"sequenceLengths": [30 + run]}))


def _replica_count(model: Model, run: int) -> None:
    for replicas in (3, 1):
        model.apply(replicas=replicas)
        model.settled()


def _image(model: Model, run: int) -> None:
    """The same image by its digest, and by its tag again: to the operator another image."""
    world = model.world
    tagged = world.release.images["triton"]
    images = {**world.release.images, "triton": tagged if run % 2 else by_digest(world, tagged)}
    model.replaced(replace(world.release, images=images).install)


def _resources(model: Model, run: int) -> None:
    limits = {"memory": f"{3000 + run}Mi"}
    asked = {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": limits}
    model.replaced(lambda: model.apply(serving={"resources": asked}))


def _node_drained(model: Model, run: int) -> None:
    (node, *_) = sorted(pod["spec"]["nodeName"] for pod in model.servers())
    there = {pod["metadata"]["uid"] for pod in model.servers() if pod["spec"]["nodeName"] == node}
    kubectl = model.world.kube.kubectl
    try:
        selector = f"neuron-operator.dev/model={model.name}"
        evict = (f"--pod-selector={selector}", "--delete-emptydir-data", "--ignore-daemonsets")
        kubectl("drain", node, *evict, "--timeout=240s", timeout=260)
        left = {pod["metadata"]["uid"] for pod in model.servers()}
        assert there.isdisjoint(left), "the drain has ended, and a server is still there"
        model.settled()
    finally:
        kubectl("uncordon", node)


def _pod_killed(model: Model, run: int) -> None:
    name = model.servers()[0]["metadata"]["name"]
    model.world.kube.delete("pod", name, NAMESPACE)
    eventually(
        lambda: name not in {pod["metadata"]["name"] for pod in model.servers()}, what=f"{name} is gone"
    )
    model.settled()


def _operator_killed(model: Model, run: int) -> None:
    """In the middle of a change."""

    def change() -> None:
        model.apply(serving={"env": [{"name": "RUN", "value": str(run)}]})
        model.world.release.kill()

    model.replaced(change)


def _chart_upgraded(model: Model, run: int) -> None:
    release = model.world.release
    replace(release, extra={**release.extra, "logging": {"level": ("info", "debug")[run % 2]}}).install()
    model.settled()


def _other_runtime(model: Model, run: int) -> None:
    runtime = ("TorchServe", "Triton")[run % 2]
    model.replaced(lambda: model.apply(serving={"runtime": runtime}))


def _bad_revision(model: Model, run: int) -> None:
    model.apply(model={"uri": f"pvc://models/nothing-{run}"})
    model.goes_back("ServingPreviousArtifact")
    model.apply(model={"uri": "pvc://models/gpt2"})
    model.settled()


def _crash_loop(model: Model, run: int) -> None:
    """Servers that are killed for memory as soon as they start; then the spec is put right."""
    limits = {"memory": f"{40 + run}Mi"}
    requests = {"cpu": "100m", "memory": "20Mi"}
    model.apply(serving={"resources": {"requests": requests, "limits": limits}})
    model.goes_back("RolledBack")
    model.apply(serving={})
    model.settled()


def _never_ready(model: Model, run: int) -> None:
    """Servers that no node takes: back after the deadline."""
    limits = {"cpu": "1000", "memory": f"{1000 + run}Gi"}
    model.apply(serving={"resources": {"requests": limits, "limits": limits}})
    model.goes_back("RolledBack")
    model.apply(serving={})
    model.settled()


def _undo(model: Model, run: int) -> None:
    """Another artifact, back to the one before by the annotation, and on again."""
    first = model.world.status(model.name)["history"][0]["number"]
    model.replaced(lambda: model.apply(compile={"sequenceLengths": [(28, 29)[run % 2]]}))
    annotate = ("annotate", "neuronmodel", model.name, "-n", NAMESPACE, "--overwrite")
    mark = "neuron-operator.dev/undo"
    model.world.kube.kubectl(*annotate, f"{mark}={first}")
    model.goes_back("Undone")
    model.world.kube.kubectl(*annotate, f"{mark}-")
    model.settled()


KINDS: Mapping[str, Kind] = {
    "new_artifact": Kind(_new_artifact),
    "replica_count": Kind(_replica_count),
    "image": Kind(_image),
    "resources": Kind(_resources),
    "node_drained": Kind(_node_drained, replicas=2),
    "node_of_one_drained": Kind(_node_drained),
    "pod_killed": Kind(_pod_killed, replicas=2),
    "operator_killed": Kind(_operator_killed),
    "chart_upgraded": Kind(_chart_upgraded),
    "other_runtime": Kind(_other_runtime),
    "bad_revision": Kind(_bad_revision),
    "crash_loop": Kind(_crash_loop),
    "never_ready": Kind(_never_ready, spec={"rollout": {"progressDeadlineSeconds": 30}}),
    "undo": Kind(_undo),
}


def by_digest(world: World, image: str) -> str:
    """The same image, named by the digest that the registry gives it."""
    repository, _, tag = image.rpartition(":")
    path = repository.partition("/")[2]
    request = urllib.request.Request(f"http://{world.kube.cluster.registry}/v2/{path}/manifests/{tag}")
    kinds = ("application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.index.v1+json")
    docker = "application/vnd.docker.distribution.manifest.v2+json"
    request.add_header("Accept", ", ".join((*kinds, docker)))
    with urllib.request.urlopen(request, timeout=30) as answer:
        digest = answer.headers["Docker-Content-Digest"]
    return f"{repository}@{digest}"
