"""What compile and server pods have in common: security, placement, volumes, images."""

from collections.abc import Mapping
from typing import Any

from neuron_operator.api.settings import Settings
from neuron_operator.api.spec import ConfigMapKey, Placement
from neuron_operator.reading.objects import Object

USER = 1000
ARCHITECTURE = "kubernetes.io/arch"
STORE_PATH = "/artifacts"
SOURCE_PATH = "/source"

WORK_PATH = "/work"
MODEL_PATH = "/model"
REPORT_PATH = "/report"

STORE_VOLUME = "artifacts"
SOURCE_VOLUME = "source"
CA_PATH = "/etc/neuron-operator/ca"
CA_VOLUME = "ca-bundle"
SCRATCH_VOLUME = "tmp"
MODEL_VOLUME = "model"
EXAMPLES_VOLUME = "examples"
EXAMPLES_PATH = "/examples"
EXAMPLES_FILE = "examples.json"
REPORT_VOLUME = "report"


def pod_security() -> Object:
    """Pod level of the `restricted` Pod Security standard.

    OnRootMismatch: without it the kubelet would walk the whole store at every start to set its group.
    """
    return {
        "runAsNonRoot": True,
        "runAsUser": USER,
        "runAsGroup": USER,
        "fsGroup": USER,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def container_security() -> Object:
    """Container level of the `restricted` Pod Security standard, with a read-only root."""
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def claim_volume(name: str, claim: str, *, read_only: bool) -> Object:
    """A volume backed by a claim."""
    return {"name": name, "persistentVolumeClaim": {"claimName": claim, "readOnly": read_only}}


def scratch_volume(name: str = SCRATCH_VOLUME, size: str | None = None) -> Object:
    """A directory on the node that goes with the pod, of at most that size."""
    return {"name": name, "emptyDir": {"sizeLimit": size} if size else {}}


def config_map_file(name: str, source: ConfigMapKey, file: str) -> Object:
    """A volume with one file, the value of a ConfigMap's key: the pod waits for both."""
    return {
        "name": name,
        "configMap": {"name": source.name, "items": [{"key": source.key, "path": file}]},
    }


def mount(volume: str, path: str, *, read_only: bool = False, part: str = "") -> Object:
    """A volume mount; `part`: of the volume this directory alone."""
    found: Object = {"name": volume, "mountPath": path, "readOnly": read_only}
    return {**found, "subPath": part} if part else found


def published_part(namespace: str, manifest_sha256: str | None) -> str:
    """The part of a volume where a namespace's artifact lies that was published.

    One whose manifest was never recorded is older than such parts, and lies in the volume's root.
    """
    return namespace if manifest_sha256 else ""


def env(variables: Mapping[str, str]) -> list[Object]:
    """Environment variables with plain values."""
    return [{"name": name, "value": value} for name, value in variables.items()]


def placement_fields(own: Placement, default: Placement | None, architecture: str = "") -> Object:
    """The placement part of a pod spec: the resource's own fields, else the installation's.

    `architecture`: what the image is built for; it is selected unless something else is said of it.
    """
    fallback = default or Placement()

    def chosen(field: str) -> Any:
        value = getattr(own, field)
        return getattr(fallback, field) if value is None else value

    tolerations = chosen("tolerations")
    selector, affinity = dict(chosen("node_selector") or {}), chosen("affinity")
    if architecture and ARCHITECTURE not in selector and ARCHITECTURE not in str(affinity):
        selector[ARCHITECTURE] = architecture
    fields: dict[str, object] = {
        "nodeSelector": selector,
        "tolerations": list(tolerations) if isinstance(tolerations, tuple) else None,
        "affinity": affinity,
        "schedulerName": chosen("scheduler_name"),
        "serviceAccountName": chosen("service_account_name"),
        "priorityClassName": chosen("priority_class_name"),
    }
    return {key: value for key, value in fields.items() if value}


def pull_secrets(settings: Settings) -> Object:
    """`imagePullSecrets`, where the installation has some."""
    if not settings.pull_secrets:
        return {}
    return {"imagePullSecrets": [{"name": name} for name in settings.pull_secrets]}
