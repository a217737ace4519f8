"""A cluster in containers of a Docker engine, made by kind, with a registry container beside it."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

from cluster import addons, images, layout, tools
from cluster.config import audit_policy
from cluster.interface import Cluster, Lacking, Manifest, Provider
from cluster.kubectl import Kubectl
from cluster.layout import NODES
from cluster.progress import step, until

NAME = "neuron-operator"
REGISTRY = "localhost:5001"
_REGISTRY_CONTAINER = f"{NAME}-registry"
_REGISTRY_IMAGE = "registry:2.8.3"
_VOLUMES = "/var/local/neuron-operator/volumes"
_AUDIT = "/var/log/neuron-operator"
_READY_SECONDS = 300.0


def docker_answers() -> bool:
    """Say whether a Docker engine answers on this machine."""
    docker = shutil.which("docker")
    return docker is not None and _succeeds(docker, "info")


def cluster_config(root: Path) -> dict[str, Any]:
    """Return kind's configuration: a control plane, and the same workers as a local cluster has nodes.

    `root` is a directory of the host; every node sees its volumes, and the API server logs into it.
    """
    volumes = {"hostPath": str(root / "volumes"), "containerPath": _VOLUMES}
    audit = {"hostPath": str(root / "audit"), "containerPath": _AUDIT}
    apiserver = {
        "extraArgs": {
            "audit-policy-file": f"{_AUDIT}/policy.yaml",
            "audit-log-path": f"{_AUDIT}/audit.log",
        },
        "extraVolumes": [{"name": "audit", "hostPath": _AUDIT, "mountPath": _AUDIT, "readOnly": False}],
    }
    kubeadm = yaml.safe_dump({"kind": "ClusterConfiguration", "apiServer": apiserver})
    workers = [{"role": "worker", "labels": dict(node.labels), "extraMounts": [volumes]} for node in NODES]
    return {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "name": NAME,
        "nodes": [
            {
                "role": "control-plane",
                "kubeadmConfigPatches": [kubeadm],
                "extraMounts": [volumes, audit],
            },
            *workers,
        ],
    }


class KindProvider(Provider):
    """kind's nodes are containers; images go to a registry container that host and nodes call by one name."""

    name = "kind"

    def __init__(self) -> None:
        self._root = layout.state_directory() / "kind"

    def check(self) -> None:
        """Raise Lacking if Docker does not answer, or Go is needed to build a tool and missing."""
        if not docker_answers():
            raise Lacking("Docker does not answer: start it, or set CLUSTER_PROVIDER=local.")
        built = (tools.KIND, tools.METRICS_SERVER, tools.DEVICE_PLUGIN)
        found = ("kubectl", "helm")
        if any(not tools.path(tool).exists() for tool in built) or any(
            not shutil.which(name) for name in found
        ):
            tools.check_go()

    def up(self) -> Cluster:
        """Return the running cluster; one that does not answer is made anew."""
        self.check()
        cluster = self._cluster()
        kubectl = Kubectl(cluster.kubectl, cluster.kubeconfig)
        self._ensure_registry()
        if not kubectl.succeeds("get", "--raw", "/readyz"):
            self._create()
        with step("start metrics and the device plugin"):
            self._connect_registry()
            self._apply_addons(kubectl)
            until(
                lambda: addons.are_ready(kubectl) or None,
                "the readiness of what runs in kube-system",
                _READY_SECONDS,
            )
        return cluster

    def down(self) -> None:
        """Remove the nodes' and the registry's containers, and the cluster's data."""
        with step("remove the kind cluster"):
            _run(str(tools.build(tools.KIND)), "delete", "cluster", f"--name={NAME}")
            _succeeds("docker", "rm", "--force", "--volumes", _REGISTRY_CONTAINER)
            if self._root.exists():
                shutil.rmtree(self._root)

    def status(self) -> dict[str, str]:
        """Return the containers of the cluster and what Docker says of each."""
        listed = _run("docker", "ps", "--all", f"--filter=name=^{NAME}", "--format={{json .}}").splitlines()
        return {container["Names"]: container["Status"] for container in map(json.loads, listed)}

    def kubeconfig(self) -> Path:
        """Return the kubeconfig that kind wrote."""
        return self._root / "kubeconfig"

    def logs(self) -> list[Path]:
        """Return the files that `kind export logs` writes."""
        target = self._root / "logs"
        _run(str(tools.build(tools.KIND)), "export", "logs", str(target), f"--name={NAME}")
        return sorted(path for path in target.rglob("*") if path.is_file())

    def _ensure_registry(self) -> None:
        if not images.answers(REGISTRY):
            _succeeds("docker", "rm", "--force", _REGISTRY_CONTAINER)
            port = REGISTRY.rpartition(":")[2]
            with step("start the registry"):
                _run(
                    *("docker", "run", "--detach", "--restart=always", f"--publish=127.0.0.1:{port}:5000"),
                    *("--network=bridge", f"--name={_REGISTRY_CONTAINER}", _REGISTRY_IMAGE),
                )
                until(lambda: images.answers(REGISTRY) or None, "an answer of the registry", seconds=30)

    def _create(self) -> None:
        kind = str(tools.build(tools.KIND))
        _run(kind, "delete", "cluster", f"--name={NAME}")
        for directory in ("volumes", "audit"):
            (self._root / directory).mkdir(parents=True, exist_ok=True)
        (self._root / "audit" / "policy.yaml").write_text(audit_policy())
        config = self._root / "kind.yaml"
        config.write_text(yaml.safe_dump(cluster_config(self._root)))
        with step("create the kind cluster"):
            target = f"--kubeconfig={self.kubeconfig()}"
            _run(kind, "create", "cluster", f"--config={config}", target, "--wait=180s")

    def _connect_registry(self) -> None:
        networks = json.loads(
            _run("docker", "inspect", "--format={{json .NetworkSettings.Networks}}", _REGISTRY_CONTAINER)
        )
        if "kind" not in networks:
            _run("docker", "network", "connect", "kind", _REGISTRY_CONTAINER)
        directory = f"/etc/containerd/certs.d/{REGISTRY}"
        hosts = f'[host."http://{_REGISTRY_CONTAINER}:5000"]'
        for node in _run(str(tools.build(tools.KIND)), "get", "nodes", f"--name={NAME}").split():
            script = f"mkdir -p {directory} && echo '{hosts}' >{directory}/hosts.toml"
            _run("docker", "exec", node, "sh", "-c", script)

    def _apply_addons(self, kubectl: Kubectl) -> None:
        devices = max(node.devices for node in NODES)
        plugin = addons.push(tools.DEVICE_PLUGIN, REGISTRY)
        metrics = addons.push(tools.METRICS_SERVER, REGISTRY)
        kubectl.apply(
            [
                *addons.manifests("metrics-server", image=metrics),
                *addons.manifests("device-plugin", image=plugin, devices=str(devices)),
            ]
        )

    def _cluster(self) -> Cluster:
        return Cluster(
            kubeconfig=self.kubeconfig(),
            registry=REGISTRY,
            insecure_registry=True,
            helm=tools.build(tools.HELM),
            kubectl=tools.find_or_build(tools.KUBERNETES, "kubectl"),
            audit_log=self._root / "audit" / "audit.log",
            _volume=self._volume,
        )

    def _volume(self, name: str, namespace: str, size: str) -> list[Manifest]:
        directory = self._root / "volumes" / f"{namespace}-{name}"
        directory.mkdir(parents=True, exist_ok=True)
        directory.chmod(0o777)
        return addons.shared_volume(Path(_VOLUMES) / directory.name, name, namespace, size)


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def _succeeds(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
