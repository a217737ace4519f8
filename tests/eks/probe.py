"""A pod of the compiler's image on a Neuron node: does the image come, do runtime and driver match."""

import json
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cluster.kubectl import Kubectl

from eks.checks import Object

# The first pull of an image of many gigabytes.
_MINUTES = 15
_LOOK_SECONDS = 2
_NEVER = {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "CreateContainerError"}
_LABEL = "node.kubernetes.io/instance-type"


@dataclass(frozen=True)
class Probed:
    """What became of the pod. `why`: why it did not run, empty where it did; `versions`: of the runtime and
    the driver, and under `mismatch` why they do not fit, as neuron_serving.neuronversions prints them.
    """

    node: str
    why: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)


def pod(name: str, namespace: str, image: str, node: str, pull_secrets: Sequence[str]) -> Object:
    """A pod of the `restricted` level, on that node whatever repels others."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "nodeName": node,
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "tolerations": [{"operator": "Exists"}],
            "imagePullSecrets": [{"name": each} for each in pull_secrets],
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 1000,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "probe",
                    "image": image,
                    "command": ["python", "-m", "neuron_serving.neuronversions"],
                    "resources": {
                        "requests": {"cpu": "10m", "memory": "64Mi"},
                        "limits": {"memory": "256Mi"},
                    },
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "readOnlyRootFilesystem": True,
                        "capabilities": {"drop": ["ALL"]},
                    },
                }
            ],
        },
    }


def outcome(found: Object) -> str | None:
    """Why the pod does not run, empty once it has; None while nobody knows."""
    status = found.get("status", {})
    for container in status.get("containerStatuses", []):
        waiting = container.get("state", {}).get("waiting", {})
        if waiting.get("reason") in _NEVER:
            return f"{waiting['reason']}: {waiting.get('message', '')}".rstrip(": ")
    if status.get("phase") == "Succeeded":
        return ""
    if status.get("phase") == "Failed":
        return str(status.get("message") or status.get("reason") or "it failed")
    return None


def probe(kubectl: Kubectl, namespace: str, family: str, node: Object, settings: Mapping[str, Any]) -> Probed:
    """Run the compiler's image of a family on a node, and remove the pod again."""
    images = settings["images"]
    kind = str(node["metadata"].get("labels", {}).get(_LABEL, "a node"))
    name, where = f"eks-probe-{family}", ("-n", namespace)
    made = pod(
        name, namespace, images["compiler"][family], node["metadata"]["name"], images.get("pullSecrets", ())
    )
    try:
        kubectl.run("delete", "pod", name, *where, "--ignore-not-found")
        kubectl.apply([made])
        why = _awaited(kubectl, name, where)
        if why:
            return Probed(kind, why)
        return Probed(kind, versions=json.loads(kubectl.run("logs", name, *where)))
    except (RuntimeError, ValueError) as failure:
        return Probed(kind, str(failure))
    finally:
        kubectl.succeeds("delete", "pod", name, *where, "--ignore-not-found", "--wait=false")


def _awaited(kubectl: Kubectl, name: str, where: tuple[str, ...]) -> str:
    end = time.monotonic() + 60 * _MINUTES
    while time.monotonic() < end:
        why = outcome(json.loads(kubectl.run("get", "pod", name, *where, "-o", "json")))
        if why is not None:
            return why
        threading.Event().wait(_LOOK_SECONDS)
    return f"the image was not there after {_MINUTES} minutes"
