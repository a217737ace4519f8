"""A new revision, or another runtime, takes over under load, and nobody who asks notices."""

from typing import Any

import pytest
from e2e.conftest import NAMESPACE, World
from rollouts.campaign import rolled
from rollouts.traffic import Traffic
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

        assert traffic.failures() == []
    finally:
        traffic.stop()
        world.remove(name)


def servers(world: World, model: str) -> list[Object]:
    return world.kube.list("pods", NAMESPACE, f"neuron-operator.dev/model={model}")


@pytest.mark.parametrize("name", ["crash_loop", "node_of_one_drained", "undo"])
def test_what_goes_wrong_and_what_is_taken_away_fails_no_request(world: World, name: str) -> None:
    """`make rollouts` does all kinds, twenty times each."""
    assert rolled(world, name, runs=1).failures == []
