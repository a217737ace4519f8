"""`python -m eks [MANIFEST ...]`: each NeuronModel beside its twin for the CPU; says what is wrong."""

import argparse
import json
import os
import shutil
import sys
import threading
import time
from pathlib import Path
from typing import Any

import yaml
from cluster.kubectl import Kubectl

from eks.checks import LEAST_COSINE, Object, alike, question, single, twin, wrong_status
from eks.preflight import checks, look, probed, table
from eks.report import content, markdown

EXAMPLES = Path(__file__).parents[2] / "examples"
DEFAULT = tuple(EXAMPLES / f"{name}-neuronmodel.yaml" for name in ("gpt2", "minilm", "bert-large"))
LOOK_SECONDS = 2


def main() -> None:
    arguments = _parse()
    program = shutil.which("kubectl")
    if program is None:
        sys.exit("kubectl is not installed: install it, and point it to the cluster.")
    kubectl = Kubectl(Path(program), Path(arguments.kubeconfig), through_proxy=not arguments.local)
    models = [single(model, arguments.namespace) for path in arguments.manifests for model in read(path)]
    try:
        targets = {model["spec"].get("target", "inf2") for model in models}
        needed = checks(probed(kubectl, arguments.namespace, look(kubectl), targets), targets)
    except RuntimeError as failure:
        sys.exit(f"The cluster does not answer: {failure}")
    print(table(needed), flush=True)
    if not all(check.there for check in needed) and not arguments.regardless:
        written(content(needed, []), arguments.report)
        sys.exit("Mend what is missing first, or say --regardless.")
    found = content(needed, [checked(kubectl, model, arguments) for model in models])
    written(found, arguments.report)
    for model in found["models"]:
        for said_wrong in model["wrong"]:
            print(f"WRONG: {model['name']}: {said_wrong}")
    print(f"{found['verdict']}: {arguments.report}.json, {arguments.report}.md")
    sys.exit(found["verdict"] != "PASS")


def written(found: Object, report: Path) -> None:
    """Writes the report beside each other as JSON and as Markdown."""
    report.parent.mkdir(parents=True, exist_ok=True)
    report.with_suffix(".json").write_text(json.dumps(found, indent=2) + "\n")
    report.with_suffix(".md").write_text(markdown(found))


def read(path: Path) -> list[Object]:
    """The NeuronModels of a file."""
    return [each for each in yaml.safe_load_all(path.read_text()) if each["kind"] == "NeuronModel"]


def checked(kubectl: Kubectl, model: Object, arguments: argparse.Namespace) -> Object:
    """Serve a model and its twin, and return what was found: `wrong` in words, the status, the least
    cosine."""
    both = [model, twin(model)]
    names = [each["metadata"]["name"] for each in both]
    found: Object = {"name": names[0], "target": model["spec"].get("target", "inf2"), "wrong": []}
    found |= {"status": {}, "cosine": None}
    try:
        kubectl.apply(both)
        statuses = [ready(kubectl, name, arguments) for name in names]
        found["status"] = statuses[0]
        found["wrong"] += wrong_status(statuses[0], found["target"])
        found["cosine"] = compared(kubectl, names, arguments.namespace)
    except (RuntimeError, ValueError, TimeoutError) as failure:
        found["wrong"].append(str(failure))
        return found
    finally:
        if not arguments.keep:
            kubectl.succeeds("delete", "neuronmodel", *names, "-n", arguments.namespace, "--wait=false")
    if found["cosine"] < LEAST_COSINE:
        found["wrong"].append(f"its answers and its twin's have a cosine of {found['cosine']:.4f}")
    print(said(names[0], found["status"], found["cosine"]), flush=True)
    return found


def said(name: str, status: Object, least: float) -> str:
    """One line of what was found."""
    backend, parity, benchmark = (status.get(each, {}) for each in ("backend", "parity", "benchmark"))
    found = (
        f"{backend.get('name')} in {backend.get('precision')}",
        f"{parity.get('metric')} {parity.get('value')} of {parity.get('tolerance')}",
        f"p99 {benchmark.get('p99Milliseconds')} ms",
        f"{benchmark.get('speedUp')} times eager",
        f"cosine with its twin {least:.5f}",
    )
    return f"{name}: {', '.join(found)}"


def ready(kubectl: Kubectl, name: str, arguments: argparse.Namespace) -> Object:
    """Wait until the model is Ready, saying what it does, and return its status.

    Raises RuntimeError where it fails, TimeoutError where it takes too long.
    """
    end, before = time.monotonic() + 60 * arguments.minutes, ""
    while time.monotonic() < end:
        found = json.loads(kubectl.run("get", "neuronmodel", name, "-n", arguments.namespace, "-o", "json"))
        status: Object = found.get("status", {})
        conditions = {each["type"]: each for each in status.get("conditions", [])}
        now = " ".join([status.get("phase", ""), status.get("progress", {}).get("message", "")])
        if now != before:
            print(f"{name}: {now}", flush=True)
        before, answer = now, conditions.get("Ready", {})
        if answer.get("status") == "True" and answer["observedGeneration"] == found["metadata"]["generation"]:
            return status
        if status.get("phase") == "Failed":
            raise RuntimeError(answer.get("message", "it failed"))
        threading.Event().wait(LOOK_SECONDS)
    raise TimeoutError(f"{name} is not Ready after {arguments.minutes} minutes: {before}")


def compared(kubectl: Kubectl, names: list[str], namespace: str) -> float:
    """The least cosine of two models' answers to one question, at the door for texts where there is one."""
    suffix = "-text" if _there(kubectl, names[0], f"{names[0]}-text", namespace) else ""
    answers = [_ask(kubectl, name, f"{name}{suffix}", namespace) for name in names]
    return alike(*answers)


def _there(kubectl: Kubectl, service: str, model: str, namespace: str) -> bool:
    return kubectl.succeeds("get", "--raw", _path(service, namespace, f"models/{model}/ready"))


def _ask(kubectl: Kubectl, service: str, model: str, namespace: str) -> Any:
    metadata = json.loads(kubectl.run("get", "--raw", _path(service, namespace, f"models/{model}")))
    body = json.dumps(question(metadata["inputs"]))
    path = _path(service, namespace, f"models/{model}/infer")
    return json.loads(kubectl.run("create", "--raw", path, "-f", "-", stdin=body))


def _path(service: str, namespace: str, rest: str) -> str:
    # Through the API server, so that nothing needs to be forwarded or opened.
    return f"/api/v1/namespaces/{namespace}/services/{service}:8000/proxy/v2/{rest}"


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="eks", description=__doc__)
    parser.add_argument("manifests", nargs="*", type=Path, default=DEFAULT, help="files with NeuronModels")
    parser.add_argument("--namespace", default="default")
    parser.add_argument("--minutes", type=float, default=120.0, help="how long one model may take")
    parser.add_argument("--keep", action="store_true", help="leave the models there")
    parser.add_argument("--regardless", action="store_true", help="try although something is missing")
    parser.add_argument("--local", action="store_true", help="a cluster of this machine: past its proxies")
    report = Path("build/eks/report")
    parser.add_argument("--report", type=Path, default=report, help=f"default: {report}.json and .md")
    default = os.environ.get("KUBECONFIG", "").split(os.pathsep)[0] or str(Path.home() / ".kube" / "config")
    parser.add_argument("--kubeconfig", default=default)
    return parser.parse_args()


if __name__ == "__main__":
    main()
