"""A new revision takes over under load, and nobody who asks notices."""

import re

from e2e.conftest import NAMESPACE, World
from support.wait import eventually


def test_a_new_revision_is_shipped_under_load_without_one_failed_request(world: World) -> None:
    world.kube.apply(world.model("shipped", compile={"sequenceLengths": [60]}, replicas=1))
    try:
        before = world.ready("shipped")["status"]["artifact"]["digest"]
        world.kube.apply(world.toolbox.job("traffic", *traffic("shipped")))
        asked_more(world, 40)

        world.kube.apply(world.model("shipped", compile={"sequenceLengths": [61]}, replicas=1))
        assert world.ready("shipped")["status"]["artifact"]["digest"] != before
        old = f"neuron-operator.dev/model=shipped,neuron-operator.dev/digest={before}"
        eventually(lambda: not world.kube.list("pods", NAMESPACE, old), what="the old servers are gone")
        asked_more(world, 40)

        assert [line for line in log(world) if line.startswith("FAILED")] == []
    finally:
        world.kube.delete("job", "traffic", NAMESPACE)
        world.remove("shipped")


def traffic(name: str) -> tuple[str, ...]:
    url = f"{name}.{NAMESPACE}.svc:8000"
    return ("python", "-m", "toolbox.traffic", "--url", url, "--model", name)


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
