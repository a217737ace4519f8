"""`python -m torture`: kills compile containers and compiling processes, and writes docs/benchmarks.json."""

import argparse
import json
import secrets
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import cluster
from bench import figures, machine, tables
from bench.progress import say
from support.images import ROOT, build
from support.kube import Kube
from support.release import Release

from torture.campaign import Campaign
from torture.nodes import executioner
from torture.result import Result
from torture.stage import CLAIM, Stage, wrong_in_the_end

NAMESPACE, OPERATOR_NAMESPACE = "neuron-torture", "neuron-torture-system"


def main() -> None:
    arguments = _parse()
    say(f"seed {arguments.seed}")
    kube = Kube(cluster.provider().up())
    images = json.loads(arguments.images.read()) if arguments.images else build(kube.cluster)
    kube.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(ROOT / "crds"))
    release = Release(kube, OPERATOR_NAMESPACE, [NAMESPACE], images, {"storage": {"claimName": CLAIM}})
    stage = Stage(kube, images["toolbox"], NAMESPACE, f"s{arguments.seed}", json.loads(arguments.compile))
    try:
        _prepare(kube, release)
        result = _torture(stage, release, arguments)
    finally:
        if not arguments.keep:
            release.uninstall()
            for namespace in (NAMESPACE, OPERATOR_NAMESPACE):
                kube.remove_namespace(namespace)
    for name, figure in result.figures().items():
        say(f"{name} = {figure.value} {figure.unit}: {figure.how}")
    for failure in result.failures:
        say(f"WRONG: {failure}")
    if not arguments.dry:
        version = json.loads(kube.kubectl("version", "-o", "json"))["serverVersion"]["gitVersion"]
        report = figures.Report.read(figures.FILE).merged(
            result.figures(),
            machine=machine.describe(version),
            commit=figures.commit(),
            now=datetime.now(UTC),
        )
        report.write(figures.FILE)
        tables.write_all(report)
    sys.exit(bool(result.failures))


def _prepare(kube: Kube, release: Release) -> None:
    for leftover in (NAMESPACE, OPERATOR_NAMESPACE):
        kube.remove_namespace(leftover)
    kube.namespace(NAMESPACE)
    for claim in (CLAIM, "models", "processes"):
        kube.shared_volume(claim, NAMESPACE)
    release.install()


def _torture(stage: Stage, release: Release, arguments: argparse.Namespace) -> Result:
    with executioner(stage.kube, stage.image) as nodes, ThreadPoolExecutor(1) as beside:
        stage.empty()
        stage.prepare()
        whole, request, first = stage.warm_up()
        say(f"a whole compile takes {whole:.1f} s")
        campaign = Campaign(
            stage.kube, release, nodes, stage.artifact, seed=arguments.seed, whole=whole, say=say
        )
        processes = beside.submit(
            stage.kill_processes, request, arguments.process_kills, arguments.seed, arguments.seconds
        )
        pods = campaign.run(arguments.kills, width=arguments.width, end=time.monotonic() + arguments.seconds)
        say("waiting for the kills of processes")
        done = processes.result()
        wrong = wrong_in_the_end(stage.contents(), [first, *pods.digests], only=not pods.not_converged)
        return Result(pods, done, stage.watched(), wrong)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="torture", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="kills of containers")
    parser.add_argument("--process-kills", type=int, default=100, help="kills of processes")
    parser.add_argument("--seconds", type=float, default=3000.0, help="after which none is begun")
    parser.add_argument("--width", type=int, default=6, help="artifacts at a time")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument(
        "--compile", default='{"cpu": {"backend": "TorchScript"}}', help="fields of spec.compile"
    )
    parser.add_argument("--images", type=argparse.FileType(), help="JSON of built images, instead of a build")
    parser.add_argument("--keep", action="store_true", help="leave the namespaces for a look")
    parser.add_argument("--dry", action="store_true", help="write no figures")
    return parser.parse_args()


if __name__ == "__main__":
    main()
