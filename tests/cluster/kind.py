"""A cluster in containers of a Docker engine, made by kind, with a registry container beside it."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

from cluster import addons, config, docker, images, kindimages, layout, tools
from cluster.interface import Cluster, Lacking, Manifest, Provider
from cluster.kindimages import KindImages
from cluster.kubectl import Kubectl
from cluster.layout import NODES
from cluster.progress import step, until

NAME = "neuron-operator"
REGISTRY = "localhost:5001"
_REGISTRY_CONTAINER = f"{NAME}-registry"
_VOLUMES = "/var/local/neuron-operator/volumes"
_AUDIT = "/var/log/neuron-operator"
_SERVICES_CIDR = "10.96.0.0/16"
_DNS_ADDRESS = "10.96.0.10"
_READY_SECONDS = 300.0
# There is one of each: an election could only be lost, by a machine that is slow for some seconds.
_NO_ELECTION = {"leader-elect": "false"}


def cluster_config(root: Path, chosen: KindImages) -> dict[str, Any]:
    """Return kind's configuration: a control plane, and the same workers as a local cluster has nodes.

    `root` is a directory of the host; every node sees its volumes, and the API server logs into it.
    """
    volumes = {"hostPath": str(root / "volumes"), "containerPath": _VOLUMES}
    audit = {"hostPath": str(root / "audit"), "containerPath": _AUDIT}
    patches = [yaml.safe_dump(patch) for patch in _kubeadm_patches(chosen)]
    nodes: list[Manifest] = [{"role": "control-plane", "extraMounts": [volumes, audit]}]
    nodes += [{"role": "worker", "labels": dict(node.labels), "extraMounts": [volumes]} for node in NODES]
    return {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "name": NAME,
        "networking": {"serviceSubnet": _SERVICES_CIDR, "kubeProxyMode": _proxy_mode(chosen)},
        "kubeadmConfigPatches": patches,
        "nodes": [{**node, "image": chosen.node} for node in nodes],
    }


def _proxy_mode(chosen: KindImages) -> str:
    return "nftables" if chosen.made_here else "iptables"


def _kubeadm_patches(chosen: KindImages) -> list[Manifest]:
    """Return what kubeadm and the kubelets are told beside what kind tells them: as a local cluster's are."""
    cluster: Manifest = {
        "kind": "ClusterConfiguration",
        "apiServer": {
            "extraArgs": _arguments(
                {
                    "audit-policy-file": f"{_AUDIT}/policy.yaml",
                    "audit-log-path": f"{_AUDIT}/audit.log",
                    "audit-log-maxsize": "200",
                    "audit-log-maxbackup": "1",
                }
            ),
            "extraVolumes": [{"name": "audit", "hostPath": _AUDIT, "mountPath": _AUDIT, "readOnly": False}],
        },
        # A patch replaces the whole list: the first argument is kind's own.
        "controllerManager": {
            "extraArgs": _arguments(
                {
                    "enable-hostpath-provisioner": "true",
                    **_NO_ELECTION,
                    **config.QUICK_AUTOSCALING_ARGUMENTS,
                }
            )
        },
        "scheduler": {"extraArgs": _arguments(_NO_ELECTION)},
        # Nobody wants this cluster back after a power cut, and gigabytes of images go to the same disk.
        "etcd": {"local": {"extraArgs": _arguments({"unsafe-no-fsync": "true"})}},
    }
    # kind warns of cgroup v1, and a kubelet that is not told so does not start there.
    kubelet: Manifest = {"kind": "KubeletConfiguration", "failCgroupV1": False}
    if chosen.made_here:
        # The provider's own DNS: its image is built here like every other.
        cluster["dns"] = {"disabled": True}
        kubelet["cgroupDriver"] = "cgroupfs"
    return [cluster, kubelet]


def _arguments(values: dict[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in values.items()]


class KindProvider(Provider):
    """kind's nodes are containers; images go to a registry container that host and nodes call by one name."""

    name = "kind"

    def __init__(self) -> None:
        self._root = layout.state_directory() / "kind"

    def check(self) -> None:
        """Raise Lacking if Docker does not answer, or Go is needed to build a tool and missing."""
        if not docker.answers():
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
        chosen = kindimages.choose()
        kindimages.provide(chosen)
        cluster = self._cluster()
        kubectl = Kubectl(cluster.kubectl, cluster.kubeconfig)
        self._ensure_registry(chosen)
        if not kubectl.succeeds("get", "--raw", "/readyz"):
            self._create(chosen)
        with step("start DNS, metrics and the device plugin"):
            self._connect_registry()
            self._apply_addons(kubectl, chosen)
            until(
                lambda: addons.are_ready(kubectl) or None,
                "the readiness of what runs in kube-system",
                _READY_SECONDS,
            )
        return cluster

    def down(self) -> None:
        """Remove containers, network and volumes, and the cluster's data; images are kept."""
        if not docker.answers():
            if self._root.exists():
                raise Lacking("Docker does not answer: start it, so that the cluster's containers can go.")
            return
        with step("remove the kind cluster"):
            if _nodes():
                self._empty_root()
                _kind("delete", "cluster", f"--name={NAME}")
            docker.succeeds("rm", "--force", "--volumes", _REGISTRY_CONTAINER)
            # kind's clusters share a network; one that another cluster uses, also a stopped one, stays.
            if not docker.run("ps", "--all", "--quiet", "--filter=network=kind").strip():
                docker.succeeds("network", "rm", "kind")
            if self._root.exists():
                shutil.rmtree(self._root)

    def status(self) -> dict[str, str]:
        """Return the containers of the cluster and what Docker says of each."""
        listed = docker.run("ps", "--all", f"--filter=name=^{NAME}", "--format={{json .}}").splitlines()
        return {container["Names"]: container["Status"] for container in map(json.loads, listed)}

    def kubeconfig(self) -> Path:
        """Return the kubeconfig that kind wrote."""
        return self._root / "kubeconfig"

    def logs(self) -> list[Path]:
        """Return the files that `kind export logs` writes; what a node cannot tell is left out."""
        target = self._root / "logs"
        subprocess.run(
            [str(tools.build(tools.KIND)), "export", "logs", str(target), f"--name={NAME}"],
            capture_output=True,
            check=False,
        )
        return sorted(path for path in target.rglob("*") if path.is_file())

    def _ensure_registry(self, chosen: KindImages) -> None:
        if docker.run("ps", "--quiet", f"--filter=name=^{_REGISTRY_CONTAINER}$").strip():
            return
        docker.succeeds("rm", "--force", "--volumes", _REGISTRY_CONTAINER)
        port = REGISTRY.rpartition(":")[2]
        with step("start the registry"):
            if images.answers(REGISTRY):
                raise Lacking(f"Another registry answers on {REGISTRY}: stop it, the cluster needs the port.")
            docker.run(
                *("run", "--detach", "--restart=always", f"--publish=127.0.0.1:{port}:5000"),
                *("--network=bridge", f"--name={_REGISTRY_CONTAINER}", chosen.registry),
            )
            until(lambda: images.answers(REGISTRY) or None, "an answer of the registry", seconds=60)

    def _create(self, chosen: KindImages) -> None:
        _kind("delete", "cluster", f"--name={NAME}")
        for directory in ("volumes", "audit"):
            (self._root / directory).mkdir(parents=True, exist_ok=True)
        (self._root / "audit" / "policy.yaml").write_text(config.audit_policy())
        # The API server keeps the file that is there, which whoever started the cluster may then read.
        (self._root / "audit" / "audit.log").touch()
        path = self._root / "kind.yaml"
        path.write_text(yaml.safe_dump(cluster_config(self._root, chosen)))
        with step("create the kind cluster"):
            target = f"--kubeconfig={self.kubeconfig()}"
            _kind("create", "cluster", f"--config={path}", target, "--wait=180s")

    def _connect_registry(self) -> None:
        networks = json.loads(
            docker.run("inspect", "--format={{json .NetworkSettings.Networks}}", _REGISTRY_CONTAINER)
        )
        if "kind" not in networks:
            docker.run("network", "connect", "kind", _REGISTRY_CONTAINER)
        directory = f"/etc/containerd/certs.d/{REGISTRY}"
        hosts = f'[host."http://{_REGISTRY_CONTAINER}:5000"]'
        for node in _nodes():
            script = f"mkdir -p {directory} && echo '{hosts}' >{directory}/hosts.toml"
            docker.run("exec", node, "sh", "-c", script)

    def _apply_addons(self, kubectl: Kubectl, chosen: KindImages) -> None:
        devices = max(node.devices for node in NODES)
        plugin = addons.push(tools.DEVICE_PLUGIN, REGISTRY)
        metrics = addons.push(tools.METRICS_SERVER, REGISTRY)
        wanted = [
            *addons.manifests("metrics-server", image=metrics),
            *addons.manifests("device-plugin", image=plugin, devices=str(devices)),
        ]
        if chosen.made_here:
            dns = addons.push(tools.COREDNS, REGISTRY)
            wanted += addons.manifests("coredns", image=dns, dns_address=_DNS_ADDRESS)
        kubectl.apply(wanted)

    def _empty_root(self) -> None:
        """Remove what pods of any user wrote on the volumes, which only a container may."""
        for node in _nodes():
            if docker.succeeds("exec", node, "find", _VOLUMES, "-mindepth", "1", "-delete"):
                return

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


def _nodes() -> list[str]:
    label = f"--filter=label=io.x-k8s.kind.cluster={NAME}"
    return docker.run("ps", "--all", label, "--format={{.Names}}").split()


def _kind(*arguments: str) -> str:
    command = [str(tools.build(tools.KIND)), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"kind {' '.join(arguments[:2])}: {done.stderr.strip()[-4000:]}")
    return done.stdout
