"""`python -m bench`: measure, merge the figures into docs/benchmarks.json, and make the tables anew."""

import argparse
import json
import tempfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import cluster
from hollow import HollowNode
from hollow import world as hollow_world
from hollow.world import World
from support.images import build
from support.kube import Kube

from bench import compiler, digests, figures, latency, machine, scale, serving, tables, thousands
from bench.figures import Figure
from bench.progress import say

OPERATOR: Mapping[str, tuple[Callable[[World], dict[str, Figure]], tuple[str, ...]]] = {
    "latency": (latency.measure, latency.NAMES),
    "digests": (digests.measure, digests.NAMES),
    "scale": (scale.measure, scale.NAMES),
    "scale10000": (thousands.measure, thousands.NAMES),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    names = sorted({*OPERATOR, *(name for _, made in OPERATOR.values() for name in made)})
    choices = [*names, "compiler", *compiler.NAMES, "serving", *serving.NAMES]
    parser.add_argument(
        "--only", choices=choices, metavar="NAME", help=f"a part or a figure: one of {', '.join(choices)}"
    )
    only = parser.parse_args().only

    kube = Kube(cluster.provider().up())
    kube.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(figures.ROOT / "crds"))
    version = json.loads(kube.kubectl("version", "-o", "json"))["serverVersion"]["gitVersion"]
    measured: dict[str, Figure] = {}
    for name, (measure, made) in OPERATOR.items():
        if only in (None, name, *made):
            say(f"measuring {name}")
            measured |= alone(kube, name, measure)
    if only in (None, "compiler", *compiler.NAMES):
        toolbox = build(kube.cluster)["toolbox"]
        measured |= compiler.measure(kube, toolbox, None if only == "compiler" else only)
    if only in (None, "serving", *serving.NAMES):
        measured |= serving.measure(kube, build(kube.cluster))
    report = figures.Report.read(figures.FILE).merged(
        measured, machine=machine.describe(version), commit=figures.commit(), now=datetime.now(UTC)
    )
    report.write(figures.FILE)
    tables.write_all(report)
    for name, figure in measured.items():
        say(f"{name} = {figure.value} {figure.unit}")


def alone(kube: Kube, name: str, measure: Callable[[World], dict[str, Figure]]) -> dict[str, Figure]:
    """Measure in a namespace of its own, with an operator of its own, and leave nothing behind."""
    namespace = f"bench-{name}"
    with HollowNode(kube.cluster.kubeconfig, "hollow-bench") as node:
        try:
            with (
                tempfile.TemporaryDirectory() as home,
                hollow_world.world(kube, node, namespace, Path(home)) as world,
            ):
                return measure(world)
        finally:
            say(f"removing the namespace {namespace}")
            hollow_world.remove(kube, namespace)


if __name__ == "__main__":
    main()
