"""`python -m rollouts`: every kind of change under traffic, and docs/benchmarks.json."""

import argparse
import json
import sys
from datetime import UTC, datetime

import cluster
from bench import figures, machine, tables
from bench.progress import say
from e2e.conftest import World, installed
from support.images import ROOT, build
from support.kube import Kube

from rollouts.campaign import rolled
from rollouts.kinds import KINDS
from rollouts.result import Result


def main() -> None:
    parser = argparse.ArgumentParser(prog="rollouts", description=__doc__)
    parser.add_argument("--runs", type=int, default=20, help="of each kind (20)")
    parser.add_argument("--kind", action="append", choices=list(KINDS), help="only these; all otherwise")
    parser.add_argument("--dry", action="store_true", help="write nothing")
    arguments = parser.parse_args()

    kube = Kube(cluster.provider().up())
    kube.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(ROOT / "crds"))
    version = json.loads(kube.kubectl("version", "-o", "json"))["serverVersion"]["gitVersion"]
    commit, wrong = figures.commit(), False
    with installed(kube, build(kube.cluster)) as world:
        for kind in arguments.kind or KINDS:
            result = attempted(world, kind, arguments.runs)
            wrong = wrong or result is None or bool(result.failures)
            if result is not None and not arguments.dry:
                write(result.figures, version, commit)
    sys.exit(wrong)


def attempted(world: World, kind: str, runs: int) -> Result | None:
    """The kind's result; None where it has not come to its end, which is said."""
    say(f"{kind}, {runs} times")
    try:
        result = rolled(world, kind, runs)
    except (AssertionError, RuntimeError, TimeoutError) as failure:
        say(f"WRONG: {kind}: {failure}")
        return None
    say(f"{kind}: {len(result.failures)} of {result.asked} requests failed")
    for line in result.failures[:20]:
        say(f"WRONG: {line}")
    return result


def write(measured: dict[str, figures.Figure], version: str, commit: str) -> None:
    """Merge the figures into the report, at once: what comes later may not come to its end."""
    report = figures.Report.read(figures.FILE).merged(
        measured, machine=machine.describe(version), commit=commit, now=datetime.now(UTC)
    )
    report.write(figures.FILE)
    tables.write_all(report)


if __name__ == "__main__":
    main()
