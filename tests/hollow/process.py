"""The operator as a process of the checkout, with the rights its own list says and not one more."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from neuron_operator.world.permissions import NODE_PERMISSIONS, PERMISSIONS
from support.kube import Kube, Object

ROOT = Path(__file__).resolve().parents[2]
SOURCES = (ROOT / "operator", ROOT / "images" / "artifact")
"""Where the operator's own package lies, and the contract that it shares with the images."""


class OperatorProcess:
    """`kopf run` on some namespaces, under a service account; a context manager that starts and stops it.

    Args:
        home: a directory for its files.
        namespaces: what it watches; the first one also holds its service account.
        settings: its settings file's content.
        account: the service account's name; two operators in the same namespaces need two.

    Attributes:
        user: the API server's name for the operator, as in its audit log.
        log: the file that holds what it wrote, over all its starts.
        sources: where the next start finds the operator's code.
    """

    def __init__(
        self,
        kube: Kube,
        home: Path,
        namespaces: Sequence[str],
        settings: Mapping[str, Any],
        *,
        account: str = "neuron-operator",
    ) -> None:
        self.kube = kube
        self.namespaces = list(namespaces)
        self.user = f"system:serviceaccount:{self.namespaces[0]}:{account}"
        self._account = account
        self._role = f"{self.namespaces[0]}-{account}"
        self.log = home / "operator.log"
        self._kubeconfig = home / "kubeconfig.yaml"
        self._settings = home / "settings.yaml"
        self._metrics_port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.sources: Sequence[Path] = SOURCES
        home.mkdir(parents=True, exist_ok=True)
        self.configure(settings)

    @property
    def metrics_url(self) -> str:
        return f"http://127.0.0.1:{self._metrics_port}/metrics"

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Write the settings that the next start reads."""
        self._settings.write_text(yaml.safe_dump({**settings, "watchNamespaces": self.namespaces}))

    def __enter__(self) -> "OperatorProcess":
        self._authorise()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process:
            self.stop()
        for kind in ("clusterrolebinding", "clusterrole"):
            for name in (self._role, f"{self._role}-nodes"):
                self.kube.delete(kind, name)

    def start(self) -> None:
        """Start it; it is not yet watching when this returns."""
        assert self._process is None, "the operator runs already"
        scope = [word for namespace in self.namespaces for word in ("-n", namespace)]
        command = [
            sys.executable,
            "-m",
            "kopf",
            "run",
            "-m",
            "neuron_operator.handlers",
            "--standalone",
            *scope,
        ]
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(map(str, self.sources)),
            "KUBECONFIG": str(self._kubeconfig),
            "NEURON_OPERATOR_SETTINGS": str(self._settings),
            "NEURON_OPERATOR_METRICS_PORT": str(self._metrics_port),
        }
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)

    def stop(self) -> None:
        """Ask it to stop, as a node that shuts down does, and wait until it has."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL: no chance to finish anything."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process, "the operator does not run"
        assert self._process.poll() is None, f"the operator has died on its own:\n{self.log.read_text()}"
        self._process.send_signal(number)
        self._process.wait(timeout=30)
        self._process = None

    def memory(self) -> int:
        """The most memory it has held so far, in bytes (VmHWM)."""
        for line in self._proc("status").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("the kernel does not say how much memory a process has held")

    def cpu(self) -> float:
        """The processor time it has used since it started, in seconds."""
        fields = self._proc("stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _proc(self, file: str) -> str:
        assert self._process, "the operator does not run"
        return Path(f"/proc/{self._process.pid}/{file}").read_text()

    def allow(self) -> None:
        """Give it its rights, or give them back."""
        self.kube.apply(*self._rights(self.namespaces[0]))

    def _authorise(self) -> None:
        """Make the service account with the operator's own permissions, and a kubeconfig with its token."""
        home = self.namespaces[0]
        self.allow()
        token = self.kube.kubectl("create", "token", self._account, "-n", home, "--duration=3h").strip()
        mine = yaml.safe_load(self.kube.cluster.kubeconfig.read_text())
        mine["users"] = [{"name": self._account, "user": {"token": token}}]
        for context in mine["contexts"]:
            context["context"]["user"] = self._account
        self._kubeconfig.write_text(yaml.safe_dump(mine))
        self._kubeconfig.chmod(0o600)

    def _rights(self, home: str) -> list[Object]:
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole"}
        subjects = [{"kind": "ServiceAccount", "name": self._account, "namespace": home}]
        made: list[Object] = [
            {
                "apiVersion": "v1",
                "kind": "ServiceAccount",
                "metadata": {"name": self._account, "namespace": home},
            }
        ]
        made += [_rbac("ClusterRole", self._role, rules=_rules(PERMISSIONS))]
        made += [_rbac("ClusterRole", f"{self._role}-nodes", rules=_rules(NODE_PERMISSIONS))]
        for namespace in self.namespaces:
            bound = _rbac(
                "RoleBinding", self._account, roleRef={**role, "name": self._role}, subjects=subjects
            )
            bound["metadata"]["namespace"] = namespace
            made.append(bound)
        nodes = {**role, "name": f"{self._role}-nodes"}
        return [
            *made,
            _rbac("ClusterRoleBinding", f"{self._role}-nodes", roleRef=nodes, subjects=subjects),
        ]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _rules(permissions: Mapping[tuple[str, str], frozenset[str]]) -> list[Object]:
    return [
        {"apiGroups": [group], "resources": [resource], "verbs": sorted(verbs)}
        for (group, resource), verbs in permissions.items()
    ]


def _rbac(kind: str, name: str, **body: Any) -> Object:
    return {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": {"name": name}, **body}
