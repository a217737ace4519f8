"""The names, addresses and files of a local cluster."""

import os
from dataclasses import dataclass, field
from pathlib import Path

BRIDGE = "neuron-operator"
NETWORK = "10.213.0.0/16"
"""Everything below lies in this range: the bridge, the nodes, the pods and the services."""
HOST_ADDRESS = "10.213.0.1"
NODES_CIDR = "10.213.0.0/24"
PODS_CIDR = "10.213.64.0/18"
SERVICES_CIDR = "10.213.128.0/17"
API_SERVICE_ADDRESS = "10.213.128.1"
DNS_ADDRESS = "10.213.128.10"
API_PORT = 6443
REGISTRY = f"{HOST_ADDRESS}:5000"
# An address of the loopback network that no other etcd or scheduler of this machine listens on.
LOOPBACK = "127.0.213.1"
ETCD_PORT = 2379
CGROUP = "neuron-operator"
NODE_MOUNT_POINTS = ("/var/lib/kubelet", "/var/lib/cni", "/var/log/pods", "/var/log/containers")
"""Directories of the host over which every node mounts its own."""


@dataclass(frozen=True)
class Node:
    """A node: its place in the network, its labels and how many Neuron devices it advertises."""

    index: int
    labels: dict[str, str] = field(default_factory=dict)
    devices: int = 0

    @property
    def name(self) -> str:
        """The node's name in the cluster and its hostname."""
        return f"node-{self.index}"

    @property
    def address(self) -> str:
        """The node's address on the bridge."""
        return f"10.213.0.{10 + self.index}"

    @property
    def pods_cidr(self) -> str:
        """The addresses of the node's pods."""
        return f"10.213.{64 + self.index}.0/24"

    @property
    def interface(self) -> str:
        """The host's end of the node's cable."""
        return f"neuron-{self.name}"

    @property
    def cgroup(self) -> str:
        """The cgroup below which the kubelet puts the node's pods."""
        return f"{CGROUP}/{self.name}"


INSTANCE_TYPE = "node.kubernetes.io/instance-type"
NODES = (Node(0), Node(1, labels={INSTANCE_TYPE: "inf2.xlarge"}, devices=1))


@dataclass(frozen=True)
class Files:
    """Where a local cluster keeps its data, below one directory."""

    root: Path

    @property
    def certificates(self) -> Path:
        """Certificates and keys."""
        return self.root / "pki"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.root / "kubeconfig"

    @property
    def audit_log(self) -> Path:
        """The API server's audit log."""
        return self.root / "audit.log"

    @property
    def logs(self) -> Path:
        """One log per process."""
        return self.root / "logs"

    @property
    def volumes(self) -> Path:
        """The contents of shared volumes."""
        return self.root / "volumes"

    @property
    def images(self) -> Path:
        """The registry's images."""
        return self.root / "registry"

    def config(self, name: str) -> Path:
        """A configuration file of the control plane."""
        return self.root / "config" / name

    def node(self, node: Node) -> Path:
        """The directory of one node."""
        return self.root / "nodes" / node.name


def state_directory() -> Path:
    """Return the directory of clusters' data, outside the checkout."""
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(state).resolve() / "neuron-operator"
