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
from support.kube import Kube

from bench import figures, latency, machine, scale, tables
from bench.figures import Figure
from bench.progress import say

MEASUREMENTS: Mapping[str, tuple[Callable[[World], dict[str, Figure]], tuple[str, ...]]] = {
    "latency": (latency.measure, latency.NAMES),
    "scale": (scale.measure, scale.NAMES),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    names = sorted({*MEASUREMENTS, *(name for _, made in MEASUREMENTS.values() for name in made)})
    parser.add_argument("--only", choices=names, metavar="NAME", help=f"one of {', '.join(names)}")
    only = parser.parse_args().only
    chosen = {name: measure for name, (measure, made) in MEASUREMENTS.items() if only in (None, name, *made)}

    kube = Kube(cluster.provider().up())
    kube.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(figures.ROOT / "crds"))
    version = json.loads(kube.kubectl("version", "-o", "json"))["serverVersion"]["gitVersion"]
    measured: dict[str, Figure] = {}
    for name, measure in chosen.items():
        say(f"measuring {name}")
        measured |= alone(kube, name, measure)
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
