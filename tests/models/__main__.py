"""`python -m models`: run the sweep in a pod of the toolbox image; write its figures and docs/models.md.

With `--records FILE` the records of a sweep that ran elsewhere (`python -m toolbox.models --results FILE`)
are read instead: there, a sweep that was broken off goes on where it was.
"""

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path

import cluster
from bench import figures, machine, tables
from bench.progress import say
from support.images import build
from support.kube import Kube
from support.toolbox import Toolbox

from models import page, result
from models.record import Record

NAMESPACE = "models-sweep"
PAGE = figures.ROOT / "docs" / "models.md"
_TIMEOUT_SECONDS = 4 * 3600


def main() -> None:
    parser = argparse.ArgumentParser(prog="models", description=__doc__)
    parser.add_argument("--records", type=Path, help="a file of records instead of a run")
    file: Path | None = parser.parse_args().records
    report = figures.Report.read(figures.FILE)
    where = dict(report.machine)
    if file is not None:
        lines = file.read_text(encoding="utf-8").splitlines()
    else:
        kube = Kube(cluster.provider().up())
        lines = swept(kube)
        version = json.loads(kube.kubectl("version", "-o", "json"))["serverVersion"]["gitVersion"]
        where = machine.describe(version)
    records = [Record.from_json(line) for line in lines]
    measured = result.figures(records)
    report = report.merged(measured, machine=where, commit=figures.commit(), now=datetime.now(UTC))
    report.write(figures.FILE)
    PAGE.write_text(page.of(records))
    tables.write_all(report)
    for name, figure in measured.items():
        say(f"{name} = {figure.value} {figure.unit}")


def swept(kube: Kube) -> list[str]:
    """The records that the sweep's pod writes into its log, a line of JSON each."""
    with kube.temporary_namespace(NAMESPACE):
        toolbox = Toolbox(build(kube.cluster)["toolbox"], NAMESPACE)
        say("sweeping: the pod's log tells how far it is")
        job = toolbox.job("sweep", "python", "-m", "toolbox.models", "--records")
        log = kube.run_job(job, timeout=_TIMEOUT_SECONDS)
    return [line.removeprefix("record: ") for line in log.splitlines() if line.startswith("record: ")]


if __name__ == "__main__":
    main()
