"""The chart, installed the way the README says it, into a namespace of its own."""

import json
import platform
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.images import ROOT
from support.kube import Kube, Object
from support.wait import eventually

CHART = ROOT / "charts" / "neuron-operator"
NAME = "neuron-operator"
_ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), "")


@dataclass(frozen=True)
class Release:
    """One installed operator, watching some namespaces (all of them when none is named)."""

    kube: Kube
    namespace: str
    watched: Sequence[str]
    images: Mapping[str, str]
    extra: Mapping[str, Any]
    chart: Path = CHART

    @property
    def user(self) -> str:
        """The API server's name for the operator, as in its audit log."""
        return f"system:serviceaccount:{self.namespace}:{NAME}"

    def install(self) -> None:
        """`helm upgrade --install`, waiting until the operator is ready; safe to repeat."""
        self.kube.namespace(self.namespace)
        for namespace in self.watched:
            self.kube.namespace(namespace)
        self._forget_unfinished()
        with tempfile.TemporaryDirectory() as directory:
            values = Path(directory) / "values.json"
            values.write_text(json.dumps(self.values()))
            self.kube.helm(
                *("upgrade", "--install", NAME, str(self.chart), "--namespace", self.namespace),
                *("--values", str(values), "--take-ownership", "--wait", "--timeout", "5m"),
            )

    def _forget_unfinished(self) -> None:
        """Forget an installation that was killed half-way: helm would refuse every later one."""
        unfinished = "status in (pending-install,pending-upgrade,pending-rollback)"
        selector = f"owner=helm,name={NAME},{unfinished}"
        self.kube.kubectl("delete", "secrets", "-n", self.namespace, "-l", selector)

    def values(self) -> Object:
        """What the chart is told: images as built, and the namespaces to watch."""
        repository, _, tag = self.images["operator"].rpartition(":")
        registry, _, path = repository.partition("/")
        return {
            "images": {
                "registry": registry,
                "architectures": {"cpu": _ARCHITECTURE, "neuronx": _ARCHITECTURE},
                "operator": {"repository": path, "tag": tag},
                "compiler": self._families("compiler"),
                "triton": self._families("triton"),
                "torchserve": self._families("torchserve"),
            },
            "watchNamespaces": list(self.watched),
            # The tests that kill it, read its log and count its writes want to know which pod works.
            "operator": {"replicas": 1},
            **self.extra,
        }

    def _families(self, name: str) -> dict[str, str]:
        """The images of one role; where stand-ins of the Neuron packages are built, they serve inf2."""
        standin = self.images.get(f"{name}-standin")
        return {"cpu": self.images[name], **({"neuronx": standin} if standin else {})}

    def uninstall(self) -> None:
        """Remove the operator; the CRDs and what it made stay."""
        self.kube.helm("uninstall", NAME, "--namespace", self.namespace, "--ignore-not-found", "--wait")

    def pod(self) -> Object | None:
        """The operator's running pod."""
        pods = self.kube.list("pods", self.namespace, f"app.kubernetes.io/name={NAME}")
        alive = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
        return alive[0] if alive else None

    def kill(self) -> None:
        """SIGKILL the operator and wait until another pod of it is ready."""
        before = self.pod()
        assert before, "the operator is not running"
        self.kube.delete("pod", before["metadata"]["name"], self.namespace, now=True)

        def replaced() -> bool:
            now = self.pod()
            assert now, "no pod yet"
            ready = any(
                c["type"] == "Ready" and c["status"] == "True"
                for c in now.get("status", {}).get("conditions", [])
            )
            return now["metadata"]["uid"] != before["metadata"]["uid"] and ready

        eventually(replaced, what="the operator's replacement is ready", timeout=90)
