"""The objects by which a cluster knows the hollow node."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

LABEL = "tests.neuron-operator.dev/hollow"
HOSTNAME = "kubernetes.io/hostname"
LEASES = "kube-node-lease"
ROOM = {"cpu": "10000", "memory": "100Ti", "ephemeral-storage": "100Ti", "pods": "5000"}
HEALTHY = {"Ready": "True", "MemoryPressure": "False", "DiskPressure": "False", "PIDPressure": "False"}


def now() -> str:
    """The time as Kubernetes writes it, to the microsecond."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def node(name: str, devices: Mapping[str, int]) -> Any:
    """A Node that is ready, has room for everything, and is tainted so that only pods made for it come."""
    room = ROOM | {resource: str(count) for resource, count in devices.items()}
    labels = {LABEL: "true", "kubernetes.io/os": "linux", HOSTNAME: name}
    conditions = [
        {"type": kind, "status": status, "reason": "Hollow", "message": "plays its pods"}
        for kind, status in HEALTHY.items()
    ]
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": {"taints": [{"key": LABEL, "value": "true", "effect": "NoSchedule"}]},
        "status": {"capacity": room, "allocatable": room, "conditions": conditions},
    }


def lease(name: str) -> Any:
    """The node's sign of life."""
    return {
        "metadata": {"name": name},
        "spec": {"holderIdentity": name, "leaseDurationSeconds": 40, **renewal()},
    }


def renewal() -> dict[str, str]:
    return {"renewTime": now()}


def placement(name: str | None = None) -> dict[str, Any]:
    """What a NeuronModel's spec.serving must say to land on that hollow node, or on any of them."""
    chosen = {HOSTNAME: name} if name else {}
    return {
        "nodeSelector": {LABEL: "true", **chosen},
        "tolerations": [{"key": LABEL, "operator": "Exists", "effect": "NoSchedule"}],
    }
