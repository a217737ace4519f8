"""A new revision, or another runtime, takes over under load, and nobody who asks notices."""

import re
from typing import Any

import pytest
from e2e.conftest import NAMESPACE, World
from support.kube import Object
from support.wait import eventually


@pytest.mark.parametrize(
    ("runtime", "change"),
    [
        pytest.param("Triton", {"compile": {"sequenceLengths": [61]}}, id="a new revision"),
        pytest.param("TorchServe", {"serving": {"runtime": "Triton"}}, id="another runtime"),
    ],
)
def test_it_is_shipped_under_load_without_one_failed_request(
    world: World, runtime: str, change: dict[str, Any]
) -> None:
    spec: dict[str, Any] = {"compile": {"sequenceLengths": [60]}, "replicas": 1}
    spec["serving"] = {"runtime": runtime}
    # Pods of the other one of these tests may still be ending.
    name = f"shipped-from-{runtime.lower()}"
    traffic = Traffic(world, f"traffic-{runtime.lower()}")
    world.kube.apply(world.model(name, **spec))
    try:
        world.ready(name)
        before = {pod["metadata"]["uid"] for pod in servers(world, name)}
        traffic.start(name)
        traffic.asks_more(80)

        world.kube.apply(world.model(name, **{**spec, **change}))
        world.ready(name)
        eventually(
            lambda: before.isdisjoint(pod["metadata"]["uid"] for pod in servers(world, name)),
            what="the old servers are gone",
        )
        traffic.asks_more(80)

        assert [line for line in traffic.log() if line.startswith("FAILED")] == []
    finally:
        traffic.stop()
        world.remove(name)


def servers(world: World, model: str) -> list[Object]:
    return world.kube.list("pods", NAMESPACE, f"neuron-operator.dev/model={model}")


class Traffic:
    """A Job that asks a model at all its doors, without a pause."""

    def __init__(self, world: World, name: str) -> None:
        self._world, self._name = world, name

    def start(self, model: str) -> None:
        host = f"{model}.{NAMESPACE}.svc"
        doors = ("--url", f"{host}:8000", "--grpc", f"{host}:8001")
        command = ("python", "-m", "toolbox.traffic", *doors, "--model", model)
        self._world.kube.apply(self._world.toolbox.job(self._name, *command))

    def stop(self) -> None:
        self._world.kube.delete("job", self._name, NAMESPACE)

    def asks_more(self, questions: int) -> None:
        """Wait until it has asked that many questions more."""
        enough = self._asked() + questions
        eventually(lambda: self._asked() >= enough, what=f"{questions} more questions", timeout=180)

    def log(self) -> list[str]:
        """What it has said so far. Raises RuntimeError when it has ended."""
        pods = self._world.kube.list("pods", NAMESPACE, f"job-name={self._name}")
        if not pods or pods[0]["status"]["phase"] == "Pending":
            return []
        lines = self._world.kube.logs(pods[0]["metadata"]["name"], NAMESPACE).splitlines()
        if pods[0]["status"]["phase"] == "Failed":
            raise RuntimeError("the traffic has ended: " + "\n".join(lines[-5:]))
        return lines

    def _asked(self) -> int:
        counts = [int(found[1]) for line in self.log() if (found := re.match(r"asked (\d+)", line))]
        return max(counts, default=0)
