"""`python -m soak`: soak each runtime on the cluster, and merge the figures into docs/benchmarks.json."""

import argparse
import json
import secrets
import sys
import time
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime

import cluster
from bench import figures, machine, tables
from bench.progress import say
from support.images import ROOT, build
from support.kube import Kube, Object, condition
from support.release import Release
from support.toolbox import Toolbox
from support.wait import eventually

from soak import dear
from soak.processes import ended, look
from soak.result import Result
from soak.result import figures as made

NAMESPACE, OPERATOR_NAMESPACE = "neuron-soak", "neuron-soak-system"
SAMPLE_SECONDS = 10


def main() -> None:
    arguments = _parse()
    say(f"seed {arguments.seed}")
    kube = Kube(cluster.provider().up())
    images = build(kube.cluster)
    kube.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(ROOT / "crds"))
    release = Release(kube, OPERATOR_NAMESPACE, [NAMESPACE], images, {"storage": {"claimName": "artifacts"}})
    toolbox = Toolbox(images["toolbox"], NAMESPACE, {"models": "/models"})
    try:
        for leftover in (NAMESPACE, OPERATOR_NAMESPACE):
            kube.remove_namespace(leftover)
        kube.namespace(NAMESPACE)
        for claim in ("models", "artifacts"):
            kube.shared_volume(claim, NAMESPACE)
        release.install()
        kube.run_job(toolbox.job("seed", "python", "-m", "toolbox.seed", "minilm", "--out", "/models/minilm"))
        runtimes = arguments.runtime or RUNTIMES
        with ThreadPoolExecutor(len(runtimes)) as at_once:
            asked = {each: at_once.submit(soak, kube, toolbox, each, arguments) for each in runtimes}
        results = [done.result() for done in asked.values() if done.exception() is None]
        attacked = [
            dear.attack(kube, toolbox, NAMESPACE, each.runtime, serving(kube, each.runtime), arguments.dear)
            for each in results
            if arguments.dear
        ]
        broken = [f"{name}: {done.exception()}" for name, done in asked.items() if done.exception()]
    finally:
        release.uninstall()
        for namespace in (NAMESPACE, OPERATOR_NAMESPACE):
            kube.remove_namespace(namespace)
    measured = {**(made(results) if results else {}), **(dear.figures(attacked) if attacked else {})}
    for name, figure in measured.items():
        say(f"{name} = {figure.value} {figure.unit}: {figure.how}")
    failures = [*broken, *(failure for result in results for failure in result.failures)]
    failures += [failure for result in attacked for failure in result.failures]
    for failure in failures:
        say(f"WRONG: {failure}")
    # Figures of one runtime alone would pass for those of both.
    if not (arguments.dry or broken):
        version = json.loads(kube.kubectl("version", "-o", "json"))["serverVersion"]["gitVersion"]
        report = figures.Report.read(figures.FILE).merged(
            measured, machine=machine.describe(version), commit=figures.commit(), now=datetime.now(UTC)
        )
        report.write(figures.FILE)
        tables.write_all(report)
    sys.exit(bool(failures))


RUNTIMES = {"triton": "Triton", "torchserve": "TorchServe"}


def soak(kube: Kube, toolbox: Toolbox, runtime: str, arguments: argparse.Namespace) -> Result:
    """Serve MiniLM with the runtime, ask for the time given, and look at its processes meanwhile."""
    say(f"compiling and serving with {runtime}")
    kube.apply(model(runtime))
    pod = eventually(lambda: serving(kube, runtime), what=f"{runtime} is Ready", timeout=900, every=1)
    name = pod["metadata"]["name"]
    host = f"{runtime}.{NAMESPACE}.svc"
    command = [
        *("python", "-m", "toolbox.soak", "--url", f"{host}:8000", "--grpc", f"{host}:8001"),
        *("--model", runtime, "--reference", "/models/minilm", "--seconds", str(arguments.seconds)),
        *("--clients", str(arguments.clients), "--fuzz", str(arguments.fuzz), "--seed", str(arguments.seed)),
        *(word for door in arguments.door or [] for word in ("--door", door)),
    ]
    before = look(kube, NAMESPACE, name)
    began, latest, resident = time.monotonic(), before, list[int]()
    with ThreadPoolExecutor(1) as beside:
        job = toolbox.job(f"soak-{runtime}", *command)
        asking = beside.submit(kube.run_job, job, timeout=arguments.seconds + 3600)
        while wait([asking], timeout=SAMPLE_SECONDS).not_done:
            latest = look(kube, NAMESPACE, name)
            resident.append(dear.total(latest))
        log = asking.result()
    latest = look(kube, NAMESPACE, name)
    (status,) = serving(kube, runtime)["status"]["containerStatuses"]
    died = [*ended(before, latest), *["its container"] * status["restartCount"]]
    seconds = time.monotonic() - began
    return Result(runtime, seconds, arguments.clients, json.loads(log.splitlines()[-1]), died, resident)


def model(runtime: str) -> Object:
    """MiniLM of one replica, named after its runtime, in fp32 so that answers are the package's own."""
    return {
        "apiVersion": "neuron-operator.dev/v1alpha1",
        "kind": "NeuronModel",
        "metadata": {"name": runtime, "namespace": NAMESPACE},
        "spec": {
            "model": {"uri": "pvc://models/minilm"},
            "target": "cpu",
            "compile": {
                "batchSizes": [1, 4],
                "sequenceLengths": [32, 128],
                "cpu": {"backend": "TorchScript"},
                "benchmark": {"seconds": 1},
            },
            "serving": {"runtime": RUNTIMES[runtime], "resources": {"requests": {"cpu": "100m"}}},
            "replicas": 1,
        },
    }


def serving(kube: Kube, name: str) -> Object:
    """The model's one pod, once the model is Ready."""
    assert condition(kube.get("neuronmodel", name, NAMESPACE), "Ready")["status"] == "True"
    (pod,) = kube.list("pods", NAMESPACE, f"neuron-operator.dev/model={name}")
    return pod


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--runtime", action="append", choices=RUNTIMES, help="only this one")
    parser.add_argument("--door", action="append", choices=["tensor", "text"], help="only this one")
    parser.add_argument("--seconds", type=float, default=1800.0)
    parser.add_argument(
        "--dear", type=float, default=600.0, help="seconds of dear requests after it; 0: none"
    )
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--fuzz", type=int, default=10_000, help="mutants for each door")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--dry", action="store_true", help="write no figures")
    return parser.parse_args()


if __name__ == "__main__":
    main()
