"""A short soak: many clients with valid, hostile and mutated requests at once, and then with dear ones."""

import json
from collections.abc import Iterator

import pytest
from e2e.conftest import NAMESPACE, World
from soak import dear
from soak.processes import ended, look
from support.kube import Object

NAME = "soaked"


@pytest.fixture(scope="module")
def pod(world: World) -> Iterator[Object]:
    """The one pod of a served MiniLM."""
    world.kube.apply(
        world.model(NAME, "pvc://models/minilm", compile={"sequenceLengths": [32, 128]}, replicas=1)
    )
    try:
        world.ready(NAME)
        (found,) = world.kube.list("pods", NAMESPACE, f"neuron-operator.dev/model={NAME}")
        yield found
    finally:
        world.remove(NAME)


def test_valid_hostile_and_mutated_requests_at_once_are_answered_rightly_and_no_process_ends(
    world: World, pod: Object
) -> None:
    before = look(world.kube, NAMESPACE, pod["metadata"]["name"])
    host = f"{NAME}.{NAMESPACE}.svc"
    asked = ("--url", f"{host}:8000", "--grpc", f"{host}:8001", "--model", NAME)
    more = ("--reference", "/models/minilm", "--clients", "32", "--fuzz", "300")
    job = world.toolbox.job("soak", "python", "-m", "toolbox.soak", *asked, *more)
    report = json.loads(world.kube.run_job(job).splitlines()[-1])
    assert report["wrong"] == 0, "\n".join(report["examples"])
    assert report["counts"]["mutant"] >= 600
    assert min(report["counts"]["valid"], report["counts"]["hostile"]) > 0
    assert ended(before, look(world.kube, NAMESPACE, pod["metadata"]["name"])) == []


def test_dear_requests_end_no_process_and_cost_others_no_answer(world: World, pod: Object) -> None:
    attacked = dear.attack(world.kube, world.toolbox, NAMESPACE, NAME, pod, seconds=45)
    assert attacked.died == []
    assert attacked.valid["wrong"] == 0, "\n".join(attacked.valid["examples"])
    assert attacked.attacks["attacks"] > 0
    # How long probes took, and the memory of a short attack, are figures of `make soak`.
    assert attacked.probes["failed"] == 0
