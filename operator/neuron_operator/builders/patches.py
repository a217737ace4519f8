"""Patches of users over pod templates, merged as Kubernetes does, and what they must leave alone. Pure."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from neuron_operator.reading.objects import Object

LARGEST_PATCH = 32768
"""Characters of a patch as JSON: the schema of the CRD can't bound what it does not know."""
_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "volumes": "name",
    "env": "name",
    "volumeMounts": "mountPath",
    "volumeDevices": "devicePath",
    "ports": "containerPort",
    "imagePullSecrets": "name",
    "hostAliases": "ip",
    "resourceClaims": "name",
    "topologySpreadConstraints": "topologyKey",
}
"""By which field the items of a list are one and the same; every other list is replaced as a whole."""
_OWNED_BY_CONTAINER = ("image", "command", "args")
_OWNED_BY_POD = ("restartPolicy",)


def patched(template: Object, patch: Mapping[str, Any] | None) -> Object:
    """The template with the patch merged over it: a strategic merge.

    A new init container goes before the operator's, so that a sidecar runs before there is work to do; all
    else that is new goes to the end of its list. Null removes a field.
    """
    return template if not patch else _merged(template, patch)


def trespass(template: Object, patch: Mapping[str, Any] | None) -> str | None:
    """The first field of the operator's own that the patch changes; None where it leaves them all alone."""
    if not patch:
        return None
    after = dict(_owned(patched(template, patch)))
    return next((path for path, value in _owned(template) if after.get(path) != value), None)


def too_large(field: str, patch: Mapping[str, Any] | None) -> str | None:
    """Why a patch, written in the field, is not even looked at; None where it is."""
    size = len(json.dumps(patch)) if patch else 0
    if size <= LARGEST_PATCH:
        return None
    return f"{field} has {size} characters as JSON, and {LARGEST_PATCH} are allowed: make it smaller."


def refusal(field: str, path: str) -> str:
    """The sentence about a patch, written in the field, that changes what stands at the path."""
    return f"{field} changes {path}, which is the operator's own: take it out of the patch."


def _merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> Object:
    result = dict(under)
    for name, value in over.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, Mapping) and isinstance(result.get(name), Mapping):
            result[name] = _merged(result[name], value)
        elif name in _KEYS and isinstance(value, Sequence):
            result[name] = _merged_lists(
                result.get(name) or (), value, _KEYS[name], first=name == "initContainers"
            )
        else:
            result[name] = value
    return result


def _merged_lists(under: Sequence[Object], over: Sequence[Object], key: str, *, first: bool) -> list[Object]:
    there = {item.get(key) for item in under}
    changes = {item.get(key): item for item in over if item.get(key) in there}
    kept = [_merged(item, changes.get(item.get(key)) or {}) for item in under]
    new = [dict(item) for item in over if item.get(key) not in there]
    return [*new, *kept] if first else [*kept, *new]


def _owned(template: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Each field that only the operator may set, by its path."""
    metadata = template.get("metadata") or {}
    for part in ("labels", "annotations"):
        for name, value in (metadata.get(part) or {}).items():
            yield f"metadata.{part}[{name}]", value
    spec = template.get("spec") or {}
    for name in _OWNED_BY_POD:
        if name in spec:
            yield f"spec.{name}", spec[name]
    for volume in spec.get("volumes") or ():
        yield f"spec.volumes[{volume.get('name')}]", volume
    for group in ("initContainers", "containers"):
        for container in spec.get(group) or ():
            yield from _owned_by(container, f"spec.{group}[{container.get('name')}]")


def _owned_by(container: Mapping[str, Any], path: str) -> Iterator[tuple[str, Any]]:
    yield path, True
    for name in _OWNED_BY_CONTAINER:
        yield f"{path}.{name}", container.get(name)
    for field in ("env", "volumeMounts", "ports"):
        key = _KEYS[field]
        for item in container.get(field) or ():
            yield f"{path}.{field}[{item.get(key)}]", item
