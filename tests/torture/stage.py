"""Where the torture happens: a tiny model, a watched store, and what the store holds at the end."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from support.kube import Kube, Object
from support.toolbox import Toolbox
from support.wait import eventually

CLAIM = "artifacts"
# From a pod's creation until the compiler begins to count.
STARTING_SECONDS = 2.0
# Little to begin with: a container killed with 137 may be taken for one that lacked memory, and gets more.
RESOURCES = {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "1Gi"}}


@dataclass(frozen=True)
class Stage:
    """A namespace with the claims `artifacts` (the store), `models` and `processes`.

    Attributes:
        run: tells this run's artifacts from all others'.
        extra: fields of spec.compile, over those that are always set.
    """

    kube: Kube
    image: str
    namespace: str
    run: str
    extra: Mapping[str, Any]

    def empty(self) -> None:
        """Remove what earlier runs have left on the volumes."""
        for claim in (CLAIM, "processes"):
            words = ("find", "/volume", "-mindepth", "1", "-delete")
            self.kube.run_job(self._toolbox({claim: "/volume"}).job(f"empty-{claim}", *words))

    def prepare(self) -> None:
        """Put the model on its volume, and start to watch the store."""
        tiny = ("python", "-m", "toolbox.torture.tiny", "/models/tiny")
        self.kube.run_job(self._toolbox({"models": "/models"}).job("seed-tiny", *tiny))
        watch = ("python", "-m", "toolbox.torture.watch", f"/artifacts/{self.namespace}")
        self.kube.kubectl(
            *("delete", "job", "watch", "--ignore-not-found", "--cascade=foreground", "-n", self.namespace)
        )
        self.kube.apply(self._toolbox({CLAIM: "/artifacts"}).job("watch", *watch))
        eventually(lambda: bool(self.watched()), what="the store is watched", timeout=600)

    def watched(self) -> Object:
        """The watcher's newest report; empty before the first."""
        running = self.kube.list("pods", self.namespace, "job-name=watch")
        if not any(pod.get("status", {}).get("phase") == "Running" for pod in running):
            return {}
        lines = self.kube.logs("job/watch", self.namespace, "--tail=20").splitlines()
        reports = [report for line in lines if "looks" in (report := json.loads(line))]
        return dict(reports[-1]) if reports else {}

    def artifact(self, number: int) -> Object:
        """A NeuronArtifact with a digest of its own: the revision is part of it."""
        compile_ = {
            "sequenceLengths": [16],
            "retries": 10,
            "benchmark": {"seconds": 0},
            "resources": RESOURCES,
            **self.extra,
        }
        return {
            "apiVersion": "neuron-operator.dev/v1alpha1",
            "kind": "NeuronArtifact",
            "metadata": {"name": f"tiny-{self.run}-{number}", "namespace": self.namespace},
            "spec": {
                "model": {"uri": "pvc://models/tiny", "revision": f"{self.run}-{number}"},
                "target": "cpu",
                "claimName": CLAIM,
                "compile": compile_,
                "keep": True,
            },
        }

    def warm_up(self) -> tuple[float, str, str]:
        """Compile one artifact in peace: seconds from its pod's start to its end, its request, its digest."""
        wanted = self.artifact(0)
        self.kube.apply(wanted)
        name = wanted["metadata"]["name"]

        def ready() -> str:
            found = self.kube.get("neuronartifact", name, self.namespace)
            status = (found or {}).get("status", {})
            assert status.get("phase") == "Ready", str(status)
            return str(status["digest"])

        digest = eventually(ready, what=f"{name} is Ready", timeout=600)
        chosen = f"neuron-operator.dev/artifact={name},app.kubernetes.io/component=compile"
        (pod,) = self.kube.list("pods", self.namespace, chosen)
        (container,) = pod["spec"]["containers"]
        request = next(each["value"] for each in container["env"] if each["name"] == "COMPILE_REQUEST")
        (status,) = pod["status"]["containerStatuses"]
        said = json.loads(status["state"]["terminated"]["message"])
        return float(said["seconds"]["total"]) + STARTING_SECONDS, request, digest

    def kill_processes(self, request: str, kills: int, seed: int, seconds: float) -> Object:
        """Kill compiling processes in one pod; the report of toolbox.torture.processes."""
        settings = (f"COMPILE_REQUEST={request}", "SOURCE_PATH=/models", "OMP_NUM_THREADS=1")
        command = ("python", "-m", "toolbox.torture.processes", f"/processes/{self.run}")
        limits = ("--kills", str(kills), "--seed", str(seed), "--seconds", str(seconds))
        toolbox = self._toolbox({"models": "/models", "processes": "/processes"})
        job = toolbox.job("processes", "env", *settings, *command, *limits)
        log = self.kube.run_job(job, timeout=seconds + 900)
        return dict(json.loads(log.splitlines()[-1]))

    def contents(self) -> Object:
        """What the store holds: whole and half artifacts, temporary entries, and what is strange."""
        once = ("python", "-m", "toolbox.torture.watch", f"/artifacts/{self.namespace}", "--once")
        log = self.kube.run_job(self._toolbox({CLAIM: "/artifacts"}).job("look", *once))
        return dict(json.loads(log.splitlines()[-1]))

    def _toolbox(self, claims: Mapping[str, str]) -> Toolbox:
        return Toolbox(self.image, self.namespace, claims)


def wrong_in_the_end(contents: Object, digests: Sequence[str], *, only: bool) -> list[str]:
    """What should not be in a store that has come to rest; `only`: it holds these digests and no others."""
    wrong = [f"{digest} is not in the store" for digest in digests if digest not in contents["whole"]]
    wrong += [f"{digest} is half an artifact" for digest in contents["half"]]
    left = [name for name in contents["temporary"] if only or name[:32] in digests]
    wrong += [f"the temporary {name} is left" for name in left]
    if only:
        wrong += [f"nobody asked for {name}" for name in set(contents["whole"]) - set(digests)]
        wrong += [f"{name} is nothing of the store's" for name in contents["strange"]]
    return wrong
