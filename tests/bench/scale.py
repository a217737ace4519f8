"""What a thousand models of one artifact cost the operator, and how soon a standby takes over."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from hollow.process import OperatorProcess
from hollow.world import World, settings
from support.wait import eventually

from bench.figures import Figure
from bench.progress import say

COUNT = 1000
NAMES = (
    "children_1000_seconds",
    "operator_cpu_ms_per_model",
    "operator_rss_mib_1000_models",
    "leader_takeover_seconds",
)
_CONNECTIONS = 8
_REST_SECONDS = 5.0
_IDLE = 0.02
"""Processor time a second below which the operator rests: it renews Leases and looks at silent pods."""
MIB = 2**20


def measure(world: World) -> dict[str, Figure]:
    """The crowd's figures, and then those of a take-over."""
    world.ready(world.apply("shared"))
    found = crowd(world, COUNT, "real controllers", goal="<= 60")
    return {
        "children_1000_seconds": found.children,
        "operator_cpu_ms_per_model": replace(found.cpu, goal="<= 18"),
        "operator_rss_mib_1000_models": found.memory,
        **takeover(world),
    }


@dataclass(frozen=True)
class Crowd:
    """What many models of one artifact cost."""

    children: Figure
    cpu: Figure
    memory: Figure


def crowd(world: World, count: int, controllers: str, *, goal: str = "") -> Crowd:
    """From the creation of all models to their children, and on until the operator rests.

    The model `shared` is Ready; it is the crowd's pattern.
    """
    names = [f"crowd-{number:05}" for number in range(count)]
    parts = [_manifest(world, names[start::_CONNECTIONS]) for start in range(_CONNECTIONS)]
    before, begun = world.operator.cpu(), time.monotonic()
    with ThreadPoolExecutor(_CONNECTIONS) as pool:
        for made in [pool.submit(_create, world, part) for part in parts]:
            made.result()
    for group, kind in (("apps/v1", "deployments"), ("autoscaling/v2", "horizontalpodautoscalers")):
        path = f"/apis/{group}/namespaces/{world.namespace}/{kind}"
        eventually(_counted(world, path, count), what=f"{count} {kind} exist", timeout=1800, every=1)
    seconds = time.monotonic() - begun
    eventually(_resting(world), what="the operator rests", timeout=300, every=_REST_SECONDS)
    cpu = world.operator.cpu() - before
    memory = world.operator.memory() / MIB
    models = f"{count:,} models of one Ready artifact, created through {_CONNECTIONS} connections"
    how = f"{models}, {controllers}"
    return Crowd(
        Figure(round(seconds, 1), "s", f"first creation to the last Deployment and HPA; {how}", goal),
        Figure(round(cpu * 1000 / count, 1), "ms", f"processor time until the operator rests; {how}"),
        Figure(round(memory), "MiB", f"most memory the operator's process held (VmHWM); {how}"),
    )


def takeover(world: World) -> dict[str, Figure]:
    """From the end of a leader, by SIGKILL, to the first status that its standby writes."""
    world.operator.stop()
    world.kube.delete("lease", "neuron-operator", world.namespace)
    leader, standby = _replica(world, "leader"), _replica(world, "standby")
    with ExitStack() as stack:
        stack.enter_context(leader)
        _says(leader, " leads")
        stack.enter_context(standby)
        _says(standby, "waiting to lead")
        leader.kill()
        killed = time.monotonic()
        world.apply("after")
        eventually(
            lambda: world.status("after").get("phase"), what="the standby works", timeout=60, every=0.1
        )
        seconds = time.monotonic() - killed
    world.operator.start()
    how = "SIGKILL of the leader to the standby's first status of a new model"
    return {"leader_takeover_seconds": Figure(round(seconds, 1), "s", how, "<= 15")}


def _manifest(world: World, names: list[str]) -> str:
    same: dict[str, Any] = {"model": {"uri": world.uri("shared")}}
    models = [world.model(name, **same) for name in names]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": models})


def _create(world: World, models: str) -> None:
    world.kube.kubectl("create", "--validate=false", "-f", "-", stdin=models, timeout=1800)


def _counted(world: World, path: str, count: int) -> Callable[[], bool]:
    """Whether the path has one object of each of the crowd, beside that of the model `shared`."""

    def there() -> bool:
        # One is listed; the API server says how many there are beyond.
        listed = json.loads(world.kube.kubectl("get", "--raw", f"{path}?limit=1"))
        found = listed["metadata"].get("remainingItemCount", 0)
        say(f"{found} of {count}: {path}")
        return bool(found >= count)

    return there


def _resting(world: World) -> Callable[[], bool]:
    last = [world.operator.cpu(), time.monotonic()]

    def rests() -> bool:
        cpu, now = world.operator.cpu(), time.monotonic()
        used, passed = cpu - last[0], now - last[1]
        last[:] = [cpu, now]
        return passed >= _REST_SECONDS / 2 and used / passed < _IDLE

    return rests


def _replica(world: World, name: str) -> OperatorProcess:
    content = settings(leaderElection={"namespace": world.namespace, "name": "leader"}, installation="bench")
    return OperatorProcess(
        world.kube, world.operator.log.parent / name, [world.namespace], content, account=name
    )


def _says(operator: OperatorProcess, text: str) -> None:
    eventually(
        lambda: text in operator.log.read_text(), what=f"the operator says {text}", timeout=60, every=0.1
    )
