"""What runs in a test cluster beside Kubernetes itself."""

from pathlib import Path
from string import Template
from typing import Any

import yaml

from cluster import images, tools
from cluster.interface import Manifest
from cluster.kubectl import Kubectl
from cluster.layout import INSTANCE_TYPE
from cluster.tools import Tool

_MANIFESTS = Path(__file__).parent / "manifests"
_NEURON = "aws.amazon.com/neuron"
_WORKLOADS = {"coredns", "metrics-server", "neuron-device-plugin"}


def push(tool: Tool, registry: str) -> str:
    """Push the tool as an image, unless the registry has it, and return the image's name."""
    return images.push_program(tools.build(tool), registry, f"cluster/{tool.name}", tools.cache_key(tool))


def manifests(name: str, **values: str) -> list[Manifest]:
    """Return the objects of manifests/<name>.yaml with its placeholders filled in."""
    text = Template((_MANIFESTS / f"{name}.yaml").read_text()).substitute(values)
    return list(yaml.safe_load_all(text))


def shared_volume(directory: Path, name: str, namespace: str, size: str) -> list[Manifest]:
    """Return a volume that every node mounts from its own `directory`, and a claim bound to it."""
    volume = f"{namespace}-{name}"
    common: dict[str, Any] = {
        "accessModes": ["ReadWriteMany"],
        "storageClassName": "",
    }
    return [
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": volume},
            "spec": {
                **common,
                "capacity": {"storage": size},
                "persistentVolumeReclaimPolicy": "Retain",
                "claimRef": {
                    "apiVersion": "v1",
                    "kind": "PersistentVolumeClaim",
                    "name": name,
                    "namespace": namespace,
                },
                "hostPath": {"path": str(directory), "type": "Directory"},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {**common, "resources": {"requests": {"storage": size}}, "volumeName": volume},
        },
    ]


def are_ready(kubectl: Kubectl) -> bool:
    """Say whether every addon serves, the Neuron node advertises its devices and the metrics API answers."""
    workloads = kubectl.items("deployments,daemonsets", "--namespace=kube-system")
    nodes = kubectl.items("nodes", f"--selector={INSTANCE_TYPE}=inf2.xlarge")
    return (
        {workload["metadata"]["name"] for workload in workloads} >= _WORKLOADS
        and all(_is_ready(workload) for workload in workloads)
        and any(_advertises(node) for node in nodes)
        and kubectl.succeeds("get", "--raw", "/apis/metrics.k8s.io/v1beta1/nodes")
    )


def _is_ready(workload: dict[str, Any]) -> bool:
    status = workload.get("status", {})
    if status.get("observedGeneration") != workload["metadata"]["generation"]:
        return False
    if workload["kind"] == "DaemonSet":
        return bool(status.get("numberReady", 0) >= status.get("desiredNumberScheduled", 1) > 0)
    return bool(
        status.get("readyReplicas", 0) == status.get("updatedReplicas") == workload["spec"]["replicas"]
    )


def _advertises(node: dict[str, Any]) -> bool:
    return int(node.get("status", {}).get("allocatable", {}).get(_NEURON, "0")) > 0
