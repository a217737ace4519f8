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
        pytest.param("triton", {"compile": {"sequenceLengths": [61]}}, id="a new revision"),
        pytest.param("torchserve", {"serving": {"runtime": "triton"}}, id="another runtime"),
    ],
)
def test_it_is_shipped_under_load_without_one_failed_request(
    world: World, runtime: str, change: dict[str, Any]
) -> None:
    spec: dict[str, Any] = {"compile": {"sequenceLengths": [60]}, "replicas": 1}
    spec["serving"] = {"runtime": runtime}
    world.kube.apply(world.model("shipped", **spec))
    try:
        world.ready("shipped")
        before = {pod["metadata"]["uid"] for pod in servers(world)}
        world.kube.apply(world.toolbox.job("traffic", *traffic("shipped")))
        asked_more(world, 80)

        world.kube.apply(world.model("shipped", **{**spec, **change}))
        world.ready("shipped")
        eventually(
            lambda: before.isdisjoint(pod["metadata"]["uid"] for pod in servers(world)),
            what="the old servers are gone",
        )
        asked_more(world, 80)

        assert [line for line in log(world) if line.startswith("FAILED")] == []
    finally:
        world.kube.delete("job", "traffic", NAMESPACE)
        world.remove("shipped")


def servers(world: World) -> list[Object]:
    return world.kube.list("pods", NAMESPACE, "neuron-operator.dev/model=shipped")


def traffic(name: str) -> tuple[str, ...]:
    host = f"{name}.{NAMESPACE}.svc"
    doors = ("--url", f"{host}:8000", "--grpc", f"{host}:8001")
    return ("python", "-m", "toolbox.traffic", *doors, "--model", name)


def asked_more(world: World, questions: int) -> None:
    """Wait until the traffic has asked that many questions more."""
    start = asked(world)
    eventually(lambda: asked(world) >= start + questions, what=f"{questions} more questions", timeout=180)


def asked(world: World) -> int:
    counts = [int(found[1]) for line in log(world) if (found := re.match(r"asked (\d+)", line))]
    return max(counts, default=0)


def log(world: World) -> list[str]:
    pods = world.kube.list("pods", NAMESPACE, "job-name=traffic")
    if not pods or pods[0]["status"]["phase"] == "Pending":
        return []
    lines = world.kube.logs(pods[0]["metadata"]["name"], NAMESPACE).splitlines()
    if pods[0]["status"]["phase"] == "Failed":
        raise RuntimeError("the traffic has ended: " + "\n".join(lines[-5:]))
    return lines
