"""What ten thousand models of one artifact cost the operator, on a control plane without controllers.

Kubernetes' own controllers write far more for each model than the operator does: they stand still meanwhile,
so that what is measured is the operator, and that nobody has to wait for ten thousand pods.
"""

import json
from dataclasses import replace

import cluster
from hollow.world import World
from support.kube import Refused
from support.wait import eventually

from bench.figures import Figure
from bench.progress import say
from bench.scale import crowd

NAMES = ("children_10000_seconds", "operator_cpu_ms_per_model_of_10000", "operator_rss_mib_10000_models")
_COUNT = 10_000
_MADE = (
    "apis/neuron-operator.dev/v1alpha1/{}/neuronmodels",
    "apis/apps/v1/{}/deployments",
    "apis/autoscaling/v2/{}/horizontalpodautoscalers",
    "apis/policy/v1/{}/poddisruptionbudgets",
    "api/v1/{}/services",
)
"""The collections that ten thousand models fill. They are emptied before a controller sees them."""


def measure(world: World) -> dict[str, Figure]:
    """The figures of ten thousand models."""
    world.ready(world.apply("shared"))
    with cluster.provider().without_controllers():
        try:
            found = crowd(world, _COUNT, "no controller manager")
        finally:
            say("removing what was made")
            world.operator.stop()
            for collection in _MADE:
                _empty(world, "/" + collection.format(f"namespaces/{world.namespace}"))
            world.operator.start()
    figures = (found.children, found.cpu, replace(found.memory, goal="<= 400"))
    return dict(zip(NAMES, figures, strict=True))


def _empty(world: World, path: str) -> None:
    """Delete what the collection holds. One request may not get through all of it in its time."""

    def emptied() -> bool:
        try:
            world.kube.kubectl("delete", "--raw", path)
        except Refused as refused:
            say(str(refused))
        return not json.loads(world.kube.kubectl("get", "--raw", f"{path}?limit=1"))["items"]

    eventually(emptied, what=f"{path} is empty", timeout=600, every=1)
