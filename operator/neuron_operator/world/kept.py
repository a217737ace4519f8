"""What is kept in memory of each object, and under which keys: nothing but what decisions read. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from neuron_operator.api.model import parse_model
from neuron_operator.api.settings import Settings
from neuron_operator.models.serving import OVERDUE
from neuron_operator.models.wanted import candidates
from neuron_operator.reading.nodes import is_cordoned, offer_of
from neuron_operator.reading.objects import (
    Object,
    annotations_of,
    is_deleting,
    labels_of,
    name_of,
    namespace_of,
    status_of,
)
from neuron_operator.reading.troubles import ENDED_PHASES, is_evicted, turned_away
from neuron_operator.terms import labels
from neuron_operator.terms.kinds import NEURON_ARTIFACT, NEURON_MODEL, NODE, POD, Kind
from neuron_operator.world.store import Kept, Name, User

Body = Mapping[str, Any]

PodKey = tuple[str, str, str]
"""Namespace, component and parent; or namespace, LOADED and artifact; or nothing, ON_NODE and node."""

LOADED = "loaded"
FALLBACK = "fallback"
"""The key of every model that may fall back to the CPU."""
DIGEST = "digest"
"""Second of an artifact's further key: namespace, DIGEST and what its status says."""
ON_NODE = "on-node"

LONGEST_RETRY = 320
"""Characters of a retry that are kept, with whose it is: an annotation may have 256 KiB."""
_UNREAD = frozenset({"kubectl.kubernetes.io/last-applied-configuration", "deployment.kubernetes.io/revision"})

_BOOKKEEPING = frozenset({"managedFields", "resourceVersion", "selfLink"})
_POD_FIELDS = (
    "name",
    "namespace",
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "labels",
    "ownerReferences",
)
_NODE_FIELDS = ("name", "uid", "labels")
_CLAIM_FIELDS = ("name", "namespace", "uid", "deletionTimestamp", "labels", "ownerReferences")
_OF_ARTIFACTS = (labels.COMPILE, labels.VERIFY, labels.COLLECT, labels.SCRUB)
_DEPLOYMENT_NUMBERS = ("observedGeneration", "replicas", "updatedReplicas", "readyReplicas")
_CONDITION_FIELDS = ("type", "status", "reason", "message")
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


def name(body: Body) -> Name:
    """The object's namespace and name."""
    return namespace_of(body), name_of(body)


def resource(kind: Kind, body: Body) -> Kept[Object]:
    """A NeuronModel or NeuronArtifact, whole, with the version that a write of its status names."""
    found = child(kind, body, ("status",))
    found.value["metadata"]["resourceVersion"] = body["metadata"].get("resourceVersion")
    return found


def model(kind: Kind, body: Body) -> Kept[Object]:
    """A NeuronModel, also among those that a change of a node concerns."""
    found = resource(kind, body)
    falls_back = (body.get("spec") or {}).get("fallback") == "CPU"
    return Kept((*found.keys, FALLBACK), found.value) if falls_back else found


def artifact(kind: Kind, body: Body) -> Kept[Object]:
    """A NeuronArtifact, also under its digest: several may have the same files."""
    found, digest = resource(kind, body), status_of(body).get("digest")
    return Kept((*found.keys, (namespace_of(body), DIGEST, digest)), found.value) if digest else found


def child(kind: Kind, body: Body, parts: tuple[str, ...] = ()) -> Kept[Object]:
    """An object of the operator's own: its metadata and its spec, and these further parts of it."""
    metadata = {key: value for key, value in body["metadata"].items() if key not in _BOOKKEEPING}
    annotations = metadata.get("annotations") or {}
    if not _UNREAD.isdisjoint(annotations):
        metadata["annotations"] = {key: annotations[key] for key in annotations if key not in _UNREAD}
    kept = {key: body[key] for key in ("spec", *parts) if key in body}
    obj = {"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata, **kept}
    return Kept((name(body),), obj)


def deployment(kind: Kind, body: Body) -> Kept[Object]:
    """A Deployment, and of its status the numbers and what hinders it: its controller says much more."""
    found, status = child(kind, body), status_of(body)
    hindered = [each for each in status.get("conditions") or () if _hinders(each)]
    found.value["status"] = {key: status[key] for key in _DEPLOYMENT_NUMBERS if key in status}
    if hindered:
        found.value["status"]["conditions"] = [
            {key: each[key] for key in _CONDITION_FIELDS if key in each} for each in hindered
        ]
    return found


def autoscaler(kind: Kind, body: Body) -> Kept[Object]:
    """An autoscaler, and of its status only whether it works: its numbers change all the time."""
    found = child(kind, body)
    found.value["status"] = {"conditions": status_of(body).get("conditions") or []}
    return found


def pod(body: Body) -> Kept[Object] | None:
    """A pod under its parent, a server also under its artifact and its node: only what tells how it does.

    A server that has ended (its node shut down) is none any more; its successor has another name. Of one that
    was evicted, or not let in by its node, its model says why.
    """
    parent, status = parent_of(body), status_of(body)
    ended = component_of(body) == labels.SERVER and status.get("phase") in ENDED_PHASES
    if parent is None or (ended and not is_evicted(body) and turned_away(body) is None):
        return None
    spec = body.get("spec") or {}
    volumes, node_name = spec.get("volumes") or (), spec.get("nodeName")
    found = {
        "kind": POD.name,
        "spec": {
            "volumes": [volume for volume in volumes if "persistentVolumeClaim" in volume],
            **({"nodeName": node_name} if node_name else {}),
        },
        "metadata": {key: body["metadata"][key] for key in _POD_FIELDS if key in body["metadata"]},
        "status": {key: status[key] for key in _POD_STATUS_FIELDS if key in status},
    }
    keys: list[PodKey] = [(namespace_of(body), component_of(body), parent.name)]
    loaded = loaded_artifact(body)
    if loaded is not None and not ended:
        keys.append((namespace_of(body), LOADED, loaded))
        if node_name:
            keys.append(("", ON_NODE, str(node_name)))
    return Kept(keys, found)


def user(body: Body, settings: Settings) -> Kept[User] | None:
    """A NeuronModel under every artifact it wants, may fall back to, prepares or serves."""
    if is_deleting(body):
        return None
    model = parse_model(body)
    wants = frozenset(candidate.wanted.name for candidate in candidates(model, settings).values())
    retry = annotations_of(body).get(labels.RETRY)
    found = User(model.created, model.name, wants, None if retry is None else retry[:LONGEST_RETRY])
    return Kept([(model.namespace, artifact) for artifact in wants | model.known_artifacts], found)


def node(body: Body) -> Kept[Object] | None:
    """A node with extended resources, or cordoned: its labels, and those; nothing of any other node."""
    offer, cordoned = offer_of(body), is_cordoned(body)
    if offer is None and not cordoned:
        return None
    amounts = offer.amounts if offer is not None else {}
    found = {
        "kind": NODE.name,
        "metadata": {key: body["metadata"][key] for key in _NODE_FIELDS if key in body["metadata"]},
        "spec": {"unschedulable": True} if cordoned else {},
        "status": {"allocatable": {resource: str(amount) for resource, amount in amounts.items()}},
    }
    return Kept((name(body),), found)


def claim(kind: Kind, body: Body) -> Kept[Object]:
    """A claim: that it is there, its class, and the size that it asks for."""
    metadata = {key: body["metadata"][key] for key in _CLAIM_FIELDS if key in body["metadata"]}
    spec = {key: body["spec"][key] for key in ("storageClassName", "resources") if key in body["spec"]}
    return Kept(
        (name(body),), {"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata, "spec": spec}
    )


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


def _hinders(condition: Mapping[str, Any]) -> bool:
    """Whether a Deployment's condition says that pods can't be made, or have not become Ready in time."""
    if condition["type"] == "ReplicaFailure":
        return bool(condition["status"] == "True")
    return bool(condition["type"] == "Progressing" and condition.get("reason") == OVERDUE)
