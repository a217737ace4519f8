"""`python -m models`: run the sweep in a pod of the toolbox image; write its figures and docs/models.md.

With `--only PATTERN` ("timm/*", "*/bert") a part is run; what it leaves alone stays as it was recorded.
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

from models import page, record, result
from models.record import Record

NAMESPACE = "models-sweep"
PAGE = figures.ROOT / "docs" / "models.md"
_TIMEOUT_SECONDS = 4 * 3600


def main() -> None:
    parser = argparse.ArgumentParser(prog="models", description=__doc__)
    parser.add_argument("--records", type=Path, help="a file of records instead of a run")
    parser.add_argument("--only", default="*", help="names of subjects to be run, such as 'timm/*'")
    arguments = parser.parse_args()
    file: Path | None = arguments.records
    report = figures.Report.read(figures.FILE)
    where = dict(report.machine)
    if file is not None:
        found = record.read(file)
    else:
        kube = Kube(cluster.provider().up())
        found = [Record.from_json(line) for line in swept(kube, arguments.only)]
        version = json.loads(kube.kubectl("version", "-o", "json"))["serverVersion"]["gitVersion"]
        where = machine.describe(version)
    commit = figures.commit()
    known = record.read(record.KEPT) if record.KEPT.is_file() else []
    records = record.merged(known, found, commit)
    record.write(record.KEPT, records)
    measured = result.figures(records, commit)
    report = report.merged(measured, machine=where, commit=commit, now=datetime.now(UTC))
    report.write(figures.FILE)
    PAGE.write_text(page.of(records))
    tables.write_all(report)
    for name, figure in measured.items():
        say(f"{name} = {figure.value} {figure.unit}")


def swept(kube: Kube, only: str) -> list[str]:
    """The records that the sweep's pod writes into its log, a line of JSON each, of subjects with such
    names.
    """
    with kube.temporary_namespace(NAMESPACE):
        toolbox = Toolbox(build(kube.cluster)["toolbox"], NAMESPACE)
        say("sweeping: the pod's log tells how far it is")
        job = toolbox.job("sweep", "python", "-m", "toolbox.models", "--records", "--only", only)
        log = kube.run_job(job, timeout=_TIMEOUT_SECONDS)
    return [line.removeprefix("record: ") for line in log.splitlines() if line.startswith("record: ")]


if __name__ == "__main__":
    main()
