"""Whom a change concerns: the keys that it puts on the queue, and how soon. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from neuron_operator.reading.objects import Object, namespace_of, status_of
from neuron_operator.terms.kinds import NEURON_ARTIFACT, NEURON_MODEL
from neuron_operator.world import kept
from neuron_operator.world.store import Kept, Name, User
from neuron_operator.world.stores import Stores


@dataclass(frozen=True)
class Key:
    """A resource to reconcile."""

    kind: str
    namespace: str
    name: str


PATIENCE_SECONDS = 1.0
"""For how long a change that nobody waits for may wait for others of the same resource.

A new server changes its Deployment, its pod and its budget a dozen times within a moment; looked at one by
one, most of these changes mean nothing.
"""


class Wake(NamedTuple):
    """A resource to reconcile, and after how many seconds at the latest."""

    key: Key
    patience: float = 0.0


@dataclass(frozen=True)
class Change:
    """An object as it is told, and what was and is kept of it, by store; nothing where it isn't there."""

    body: Mapping[str, Any]
    before: Mapping[str, Kept[Any]]
    after: Mapping[str, Kept[Any]]


# What an artifact says of its users is nothing to them: a thousand models of one would wake each other.
_OF_USERS = frozenset({"users", "userCount", "unusedSince"})


def by_model(change: Change, stores: Stores) -> Iterator[Wake]:
    """The model, the artifacts it uses or used, and where their first user is another one now, the others."""
    namespace, name = kept.name(change.body)
    told = _without_status(change.before, "models") == _without_status(change.after, "models")
    yield Wake(Key(NEURON_MODEL.name, namespace, name), PATIENCE_SECONDS if told else 0.0)
    before, after = _using(change.before), _using(change.after)
    if before == after:
        return
    for artifact in sorted(before.keys() | after.keys()):
        yield Wake(Key(NEURON_ARTIFACT.name, *artifact), PATIENCE_SECONDS)
        if _first_has_changed(artifact, before.get(artifact), after.get(artifact), stores):
            yield from _users(artifact, stores)


def by_artifact(change: Change, stores: Stores) -> Iterator[Wake]:
    """The artifact, and the models that use it where they would notice."""
    artifact = kept.name(change.body)
    noticed = _for_users(change.before) != _for_users(change.after)
    yield Wake(Key(NEURON_ARTIFACT.name, *artifact), 0.0 if noticed else PATIENCE_SECONDS)
    if noticed:
        yield from _users(artifact, stores)


def by_job(change: Change, stores: Stores) -> Iterator[Wake]:
    """The parent at once, where anything has changed that decisions read."""
    if change.before != change.after or not change.after:
        yield from parent(change.body)


def by_child(change: Change, stores: Stores) -> Iterator[Wake]:
    """The parent in a moment; at once where the child has gone."""
    for key, _ in by_job(change, stores):
        yield Wake(key, PATIENCE_SECONDS if change.after else 0.0)


def by_pod(change: Change, stores: Stores) -> Iterator[Wake]:
    """The parent; a server that comes or goes is also a user of its artifact that does."""
    loaded = kept.loaded_artifact(change.body)
    yield from by_job(change, stores) if loaded is None else by_child(change, stores)
    if loaded is not None and change.before != change.after:
        key = Key(NEURON_ARTIFACT.name, namespace_of(change.body), loaded)
        yield Wake(key, PATIENCE_SECONDS)


def by_node(change: Change, stores: Stores) -> Iterator[Wake]:
    """The models whose target depends on the nodes, if what the node offers has changed; and those it serves.

    A node's status changes every few seconds, its labels and devices almost never.
    """
    if change.before != change.after:
        for pod in stores.pods.all(("", kept.ON_NODE, change.body["metadata"]["name"])):
            yield from parent(pod)
        for model in stores.models.all(kept.FALLBACK):
            yield Wake(Key(NEURON_MODEL.name, *kept.name(model)), PATIENCE_SECONDS)


def parent(body: Mapping[str, Any]) -> Iterator[Wake]:
    """The resource that a child belongs to, at once."""
    found = kept.parent_of(body)
    if found is not None:
        yield Wake(Key(found.kind, namespace_of(body), found.name))


def _without_status(stores: Mapping[str, Kept[Any]], store: str) -> Object | None:
    if store not in stores:
        return None
    found: Object = stores[store].value
    metadata = {key: value for key, value in found["metadata"].items() if key != "resourceVersion"}
    return {"metadata": metadata, "spec": found["spec"]}


def _using(stores: Mapping[str, Kept[Any]]) -> Mapping[Name, User]:
    using: Kept[User] | None = stores.get("users")
    return {} if using is None else dict.fromkeys(using.keys, using.value)  # type: ignore[arg-type]


def _first_has_changed(artifact: Name, before: User | None, after: User | None, stores: Stores) -> bool:
    """Whether the oldest model that wants the artifact is another one now: it decides for the others."""
    wanted = before is not None and artifact[1] in before.wants
    wants = after is not None and artifact[1] in after.wants
    if wanted == wants:
        return False
    first = stores.users.first(artifact)
    user = before or after
    return first is None or user is None or user.age <= first.age


def _for_users(stores: Mapping[str, Kept[Any]]) -> Object | None:
    asked = _without_status(stores, "artifacts")
    if asked is None:
        return None
    said = status_of(stores["artifacts"].value)
    return {**asked, "status": {key: value for key, value in said.items() if key not in _OF_USERS}}


def _users(artifact: Name, stores: Stores) -> Iterator[Wake]:
    for user in stores.users.all(artifact):
        yield Wake(Key(NEURON_MODEL.name, artifact[0], user.name))
