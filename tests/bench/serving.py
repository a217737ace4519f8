"""What the servers add to the bare forward: one run, in which all of them take turns."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from support.kube import Kube, Object
from support.release import Release
from support.toolbox import Toolbox
from support.wait import eventually

from bench.figures import Figure
from bench.progress import say

NAMESPACE, OPERATOR_NAMESPACE = "bench-serving", "bench-serving-system"
SATURATION_GOAL, ADDED_GOAL, DOOR_GOAL = ">= 0.97", "<= 1 ms + 3 % of the bare forward", "<= 2"
PLAIN_PORT, METRICS_PORT = 8000, 8002
READY_SECONDS = 900
RUNTIMES = {"triton": "Triton", "torchserve": "TorchServe"}
WINDOW_SECONDS = 6


@dataclass(frozen=True)
class Subject:
    """A model to serve: its name, what seeds it, its name in words, and the systems that serve it."""

    name: str
    seed: tuple[str, ...]
    words: str
    pooled: bool
    systems: tuple[str, ...]


SUBJECTS = (
    Subject(
        "gpt2",
        ("gpt2",),
        "GPT-2 small, hidden states of 128 tokens",
        False,
        ("triton", "torchserve", "plain"),
    ),
    Subject("minilm", ("minilm",), "MiniLM-L6, sentence vectors of 128 tokens", True, ("triton",)),
)
NAMES = (
    "triton_saturation_ratio_gpt2",
    "triton_saturation_ratio_minilm",
    "torchserve_saturation_ratio_gpt2",
    "plain_saturation_ratio_gpt2",
    "triton_added_p50_ms",
    "text_door_added_ms",
)


def measure(kube: Kube, images: Mapping[str, str]) -> dict[str, Figure]:
    """The figures, from servers that an operator of its own has made."""
    storage = {"storage": {"claimName": "artifacts"}}
    release = Release(kube, OPERATOR_NAMESPACE, [NAMESPACE], images, storage)
    toolbox = Toolbox(images["toolbox"], NAMESPACE, {"models": "/models", "artifacts": "/artifacts"})
    figures: dict[str, Figure] = {}
    try:
        kube.namespace(NAMESPACE)
        for claim in ("models", "artifacts"):
            kube.shared_volume(claim, NAMESPACE)
        release.install()
        for subject in SUBJECTS:
            report = Run(kube, toolbox, subject).report()
            figures |= saturation(subject, report)
            figures |= added(subject, report)
    finally:
        kube.remove_namespace(NAMESPACE)
        release.uninstall()
        kube.remove_namespace(OPERATOR_NAMESPACE)
    return figures


class Run:
    """One model, its servers and the windows in which they take turns."""

    def __init__(self, kube: Kube, toolbox: Toolbox, subject: Subject) -> None:
        self._kube, self._toolbox, self._subject = kube, toolbox, subject

    def report(self) -> Object:
        """The report of toolbox.load.compare."""
        subject = self._subject
        say(f"putting {subject.name} on the volume")
        seed = ("python", "-m", "toolbox.seed", *subject.seed, "--out", f"/models/{subject.name}")
        self._kube.run_job(self._toolbox.job(f"seed-{subject.name}", *seed))
        systems: list[str] = []
        digest = ""
        for runtime in (each for each in subject.systems if each != "plain"):
            name = f"{subject.name}-{runtime}"
            say(f"compiling and serving {name}")
            self._kube.apply(self._model(name, runtime))
            digest = self._digest(name)
            url = f"http://{name}.{NAMESPACE}.svc:8000/v2/models/{name}"
            systems.append(f"{runtime}=v2={url}/infer=http://{self._pod(name)}:{METRICS_PORT}/metrics")
            if runtime == "triton" and subject.pooled:
                systems += [f"text=text={url}-text/infer", f"ids=ids={url}/infer"]
        if "plain" in subject.systems:
            command = ("python", "-m", "toolbox.load.plain", f"/artifacts/{NAMESPACE}/{digest}")
            self._kube.apply(*self._toolbox.server("plain", PLAIN_PORT, *command))
            waiting = ("rollout", "status", "deployment/plain", "-n", NAMESPACE, "--timeout=300s")
            self._kube.kubectl(*waiting, timeout=330)
            systems.append(f"plain=plain=http://plain.{NAMESPACE}.svc:{PLAIN_PORT}/predict")
        say(f"measuring {subject.name}")
        asked = [word for system in systems for word in ("--system", system)]
        window = ("--seconds", str(WINDOW_SECONDS))
        compare = (
            "python",
            "-m",
            "toolbox.load.compare",
            f"/artifacts/{NAMESPACE}/{digest}",
            *window,
            *asked,
        )
        log = self._kube.run_job(self._toolbox.job(f"compare-{subject.name}", *compare), timeout=3600)
        for name in ("triton", "torchserve"):
            self._kube.delete("neuronmodel", f"{subject.name}-{name}", NAMESPACE)
        return dict(json.loads(log.splitlines()[-1]))

    def _model(self, name: str, runtime: str) -> Object:
        compile_ = {"batchSizes": [1, 4, 8], "sequenceLengths": [128], "benchmark": {"seconds": 5}}
        return {
            "apiVersion": "neuron-operator.dev/v1alpha1",
            "kind": "NeuronModel",
            "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": {
                "model": {"uri": f"pvc://models/{self._subject.name}"},
                "target": "cpu",
                "compile": compile_,
                "serving": {"runtime": RUNTIMES[runtime], "resources": {"requests": {"cpu": "100m"}}},
                "replicas": 1,
            },
        }

    def _digest(self, name: str) -> str:
        def ready() -> Any:
            found = self._kube.get("neuronmodel", name, NAMESPACE)
            status = (found or {}).get("status", {})
            assert status.get("phase") == "Ready", str(status.get("conditions"))
            return status["artifact"]["digest"]

        return str(eventually(ready, what=f"{name} is Ready", timeout=READY_SECONDS, every=1))

    def _pod(self, name: str) -> str:
        """The IP address of the model's one pod."""
        (pod,) = self._kube.list("pods", NAMESPACE, f"neuron-operator.dev/model={name}")
        return str(pod["status"]["podIP"])


def saturation(subject: Subject, report: Mapping[str, Any]) -> dict[str, Figure]:
    """The throughput of every system at its best, over that of the bare forward at its best."""
    bare = {name: row["perSecond"] for name, row in report.items() if name.startswith("bare ")}
    best = max(bare.values())
    figures = {}
    for system in subject.systems:
        rows = {name: row["perSecond"] for name, row in report.items() if name.startswith(f"{system} ")}
        each = ", ".join(f"{name.rpartition(' ')[2]}: {value:.1f}" for name, value in rows.items())
        limits = ", ".join(f"{name.rpartition(' ')[2]}: {value:.1f}" for name, value in bare.items())
        how = (
            f"{subject.words}: requests a second over HTTP, binary tensors ({each}), over the bare forward's "
            f"rows a second ({limits}); client and server on the same cores, windows of {WINDOW_SECONDS} s "
            f"in turns{inside(report, system, best)}"
        )
        goal = SATURATION_GOAL if system == "triton" else ""
        figures[f"{system}_saturation_ratio_{subject.name}"] = Figure(
            round(max(rows.values()) / best, 3), "x", how, goal
        )
    return figures


def inside(report: Mapping[str, Any], system: str, best: float) -> str:
    """Where the time of the best concurrency's windows went, by the server's own metrics; or nothing."""
    rows = {name: row for name, row in report.items() if name.startswith(f"{system} ") and "shares" in row}
    if not rows:
        return ""
    name = max(rows, key=lambda each: float(rows[each]["perSecond"]))
    shares = rows[name]["shares"]
    return (
        f". At {name.rpartition(' ')[2]} modules computed {100 * shares['compute']:.0f} % of the time, "
        f"{shares['rows_per_call']:.1f} rows a call and {100 * shares['padding']:.0f} % padding, at "
        f"{shares['rows_per_compute_second']:.1f} rows a second ({best:.1f} bare); the client took "
        f"{shares['client_cores']:.2f} cores"
    )


def added(subject: Subject, report: Mapping[str, Any]) -> dict[str, Figure]:
    """What a request takes longer than what it is compared with, one at a time."""
    tensors, bare = (report[name]["p50Milliseconds"] for name in ("triton c1", "bare b1"))
    if not subject.pooled:
        how = (
            f"{subject.words}: the median of a request over HTTP, one at a time ({tensors:.1f} ms), less "
            f"that of the bare forward ({bare:.1f} ms)"
        )
        return {"triton_added_p50_ms": Figure(round(tensors - bare, 2), "ms", how, ADDED_GOAL)}
    text, ids = (report[f"{kind} c1"]["p50Milliseconds"] for kind in ("text", "ids"))
    how = (
        f"{subject.words}: the median of a short text to the text door ({text:.1f} ms), less that of its "
        f"tokens to the tensor door ({ids:.1f} ms), one at a time"
    )
    return {"text_door_added_ms": Figure(round(text - ids, 2), "ms", how, DOOR_GOAL)}
