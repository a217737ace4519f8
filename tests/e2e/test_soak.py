"""A short soak: many clients with valid, hostile and mutated requests at once."""

import json

from e2e.conftest import NAMESPACE, World
from soak.processes import ended, look


def test_valid_hostile_and_mutated_requests_at_once_are_answered_rightly_and_no_process_ends(
    world: World,
) -> None:
    name = "soaked"
    world.kube.apply(
        world.model(name, "pvc://models/minilm", compile={"sequenceLengths": [32, 128]}, replicas=1)
    )
    try:
        world.ready(name)
        (pod,) = world.kube.list("pods", NAMESPACE, f"neuron-operator.dev/model={name}")
        before = look(world.kube, NAMESPACE, pod["metadata"]["name"])
        host = f"{name}.{NAMESPACE}.svc"
        asked = ("--url", f"{host}:8000", "--grpc", f"{host}:8001", "--model", name)
        more = ("--reference", "/models/minilm", "--clients", "32", "--fuzz", "300")
        job = world.toolbox.job("soak", "python", "-m", "toolbox.soak", *asked, *more)
        report = json.loads(world.kube.run_job(job).splitlines()[-1])
        assert report["wrong"] == 0, "\n".join(report["examples"])
        assert report["counts"]["mutant"] >= 600
        assert min(report["counts"]["valid"], report["counts"]["hostile"]) > 0
        assert ended(before, look(world.kube, NAMESPACE, pod["metadata"]["name"])) == []
    finally:
        world.remove(name)
