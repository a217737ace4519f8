"""What the operator knows of the cluster: indexes filled by watches, read by observing. Pure of kopf.

The functions decide what is kept of each object, and under which keys.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from neuron_operator.api.model import parse_model
from neuron_operator.api.settings import Settings
from neuron_operator.models.wanted import candidates
from neuron_operator.reading.nodes import offer_of
from neuron_operator.reading.objects import (
    Object,
    is_deleting,
    labels_of,
    name_of,
    namespace_of,
    resource_version,
    status_of,
    uid_of,
)
from neuron_operator.reading.troubles import ENDED_PHASES
from neuron_operator.terms import labels
from neuron_operator.terms.kinds import CLAIM, NEURON_ARTIFACT, NEURON_MODEL, NODE, POD, Kind

Name = tuple[str, str]
"""Namespace and name."""

PodKey = tuple[str, str, str]
"""Namespace, component and parent; or namespace, LOADED and artifact."""

LOADED = "loaded"

Value = TypeVar("Value")
Index = Mapping[Any, Iterable[Value]]
"""Values by key; a key without values is absent."""

_POD_FIELDS = (
    "name",
    "namespace",
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "labels",
    "ownerReferences",
)
_NODE_FIELDS = ("name", "uid", "resourceVersion", "labels")
_CLAIM_FIELDS = (
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "deletionTimestamp",
    "labels",
    "ownerReferences",
)
_OF_ARTIFACTS = (labels.COMPILE, labels.VERIFY, labels.COLLECT)
_POD_STATUS_FIELDS = (
    "phase",
    "reason",
    "message",
    "conditions",
    "initContainerStatuses",
    "containerStatuses",
)


@dataclass(frozen=True)
class Parent:
    """The kind and name of a resource that has children."""

    kind: str
    name: str


@dataclass(frozen=True)
class User:
    """A NeuronModel that wants or serves an artifact. `wants`: it would ask for it now."""

    name: str
    uid: str
    created: str
    wants: bool


@dataclass(frozen=True)
class Indexes:
    """Every index, as the watches fill them."""

    models: Index[Object]
    artifacts: Index[Object]
    users: Index[User]
    jobs: Index[Object]
    pods: Index[Object]
    deployments: Index[Object]
    services: Index[Object]
    autoscalers: Index[Object]
    disruption_budgets: Index[Object]
    claims: Index[Object]
    offers: Index[Object]


def newest(index: Index[Object], key: object) -> Object | None:
    """The newest object under the key, None without one.

    There are two where a watch has missed that the first was deleted before the second was made.
    """
    return max(index.get(key, ()), key=resource_version, default=None)


def by_name(kind: Kind, body: Mapping[str, Any]) -> dict[Name, Object]:
    """The object under its name, without the field managers' bookkeeping."""
    metadata = {key: value for key, value in body["metadata"].items() if key != "managedFields"}
    obj = {**body, "apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata}
    return {(namespace_of(obj), name_of(obj)): obj}


def pods_by_parent(body: Mapping[str, Any]) -> dict[PodKey, Object]:
    """A pod under its parent, a server also under the artifact it has loaded: only what tells how it does.

    A server that has ended (evicted, its node shut down) is none any more; its successor has another name.
    """
    parent, status = parent_of(body), status_of(body)
    if parent is None or (component_of(body) == labels.SERVER and status.get("phase") in ENDED_PHASES):
        return {}
    volumes = (body.get("spec") or {}).get("volumes") or ()
    pod = {
        "kind": POD.name,
        "spec": {"volumes": [volume for volume in volumes if "persistentVolumeClaim" in volume]},
        "metadata": {key: body["metadata"][key] for key in _POD_FIELDS if key in body["metadata"]},
        "status": {key: status[key] for key in _POD_STATUS_FIELDS if key in status},
    }
    keys = {(namespace_of(body), component_of(body), parent.name)}
    loaded = loaded_artifact(body)
    if loaded is not None:
        keys.add((namespace_of(body), LOADED, loaded))
    return dict.fromkeys(keys, pod)


def users_by_artifact(body: Mapping[str, Any], settings: Settings) -> dict[Name, User]:
    """A NeuronModel under every artifact it wants, may fall back to, prepares or serves."""
    if is_deleting(body):
        return {}
    model = parse_model(body)
    wants = {candidate.wanted.name for candidate in candidates(model, settings).values()}
    return {
        (model.namespace, name): User(model.name, uid_of(body), model.created, wants=name in wants)
        for name in wants | model.known_artifacts
    }


def offering_node(body: Mapping[str, Any]) -> dict[Name, Object]:
    """A node under its name: labels and extended resources; nothing of a node without such resources."""
    offer = offer_of(body)
    if offer is None:
        return {}
    allocatable = {resource: str(amount) for resource, amount in offer.amounts.items()}
    metadata = {key: body["metadata"][key] for key in _NODE_FIELDS if key in body["metadata"]}
    node = {"kind": NODE.name, "metadata": metadata, "status": {"allocatable": allocatable}}
    return {("", offer.node): node}


def claim_by_name(body: Mapping[str, Any]) -> dict[Name, Object]:
    """A claim under its name: that it is there, its class, and the size that it asks for."""
    metadata = {key: body["metadata"][key] for key in _CLAIM_FIELDS if key in body["metadata"]}
    spec = {key: body["spec"][key] for key in ("storageClassName", "resources") if key in body["spec"]}
    claim = {"apiVersion": CLAIM.api_version, "kind": CLAIM.name, "metadata": metadata, "spec": spec}
    return {(namespace_of(claim), name_of(claim)): claim}


def component_of(body: Mapping[str, Any]) -> str:
    """The component label; empty without one."""
    return labels_of(body).get(labels.COMPONENT, "")


def parent_of(body: Mapping[str, Any]) -> Parent | None:
    """The NeuronModel or NeuronArtifact a child belongs to: its owner, or for a pod what its labels say."""
    for owner in body["metadata"].get("ownerReferences") or ():
        if owner["kind"] in (NEURON_MODEL.name, NEURON_ARTIFACT.name):
            return Parent(owner["kind"], owner["name"])
    said = labels_of(body)
    if component_of(body) == labels.SERVER and labels.MODEL in said:
        return Parent(NEURON_MODEL.name, said[labels.MODEL])
    if component_of(body) in _OF_ARTIFACTS and labels.ARTIFACT in said:
        return Parent(NEURON_ARTIFACT.name, said[labels.ARTIFACT])
    return None


def loaded_artifact(body: Mapping[str, Any]) -> str | None:
    """The artifact that a pod has loaded, None where the pod is no server."""
    return labels_of(body).get(labels.ARTIFACT) if component_of(body) == labels.SERVER else None
