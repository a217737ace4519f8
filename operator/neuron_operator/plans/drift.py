"""Drift: where an observed object no longer contains what the operator wants.

The observed object may say more (defaults of the API server, other controllers' fields); it must not say
otherwise.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from neuron_operator.reading import quantities

_IDENTITIES = ("name", "uid")
_WHOLE = ("selector", "matchLabels", "nodeSelector")
"""Mappings in which a further key changes the meaning; the API server replaces them as a whole, too."""
_PLAIN = frozenset({str, int, bool, float})
_NOT_COMPARED = frozenset({"apiVersion", "kind"})
_QUANTITY_FIELDS = (".requests.", ".limits.", ".divisor", ".tolerance", ".sizeLimit", "spec.metrics[")


def drift(desired: Mapping[str, Any], observed: Mapping[str, Any]) -> str | None:
    """The first path at which `observed` does not contain `desired`, None where it does throughout."""
    return _mapping_drift({k: v for k, v in desired.items() if k not in _NOT_COMPARED}, observed, "")


def _mapping_drift(desired: Mapping[str, Any], observed: Mapping[str, Any], path: str) -> str | None:
    if path.rpartition(".")[2] in _WHOLE:
        for key in sorted(observed.keys() - desired.keys()):
            return f"{path}.{key}"
    for key, value in desired.items():
        if key in observed and _is_same(value, observed[key]):
            continue
        here = f"{path}.{key}" if path else key
        if key not in observed:
            if _is_empty(value):
                continue
            return here
        found = _value_drift(value, observed[key], here)
        if found is not None:
            return found
    return None


def _is_same(desired: object, observed: object) -> bool:
    """Whether two plain values are equal; most are, and need no path."""
    kind = desired.__class__
    return kind in _PLAIN and kind is observed.__class__ and desired == observed


def _is_empty(value: object) -> bool:
    """The API server leaves out false, empty texts, empty objects and empty lists."""
    return value is None or value is False or value in ("", {}, [])


def _value_drift(desired: Any, observed: Any, path: str) -> str | None:
    if isinstance(desired, Mapping):
        return _mapping_drift(desired, observed, path) if isinstance(observed, Mapping) else path
    if isinstance(desired, list | tuple):
        return _list_drift(desired, observed, path) if isinstance(observed, list | tuple) else path
    if desired == observed and isinstance(desired, bool) == isinstance(observed, bool):
        return None
    is_quantity = any(field in path for field in _QUANTITY_FIELDS)
    return None if is_quantity and quantities.equal(desired, observed) else path


def _list_drift(desired: Sequence[Any], observed: Sequence[Any], path: str) -> str | None:
    identity = _identity_of(desired)
    if identity is None:
        if len(desired) != len(observed):
            return path
        pairs = [(f"{path}[{i}]", *pair) for i, pair in enumerate(zip(desired, observed, strict=True))]
    else:
        by_identity = {item.get(identity): item for item in observed if isinstance(item, Mapping)}
        pairs = [(f"{path}[{item[identity]}]", item, by_identity.get(item[identity])) for item in desired]
    for here, wanted, found in pairs:
        where = here if found is None else _value_drift(wanted, found, here)
        if where is not None:
            return where
    return None


def _identity_of(items: Sequence[Any]) -> str | None:
    """The field that tells the items apart, None where they are told apart by position."""
    for field in _IDENTITIES:
        values = [item.get(field) if isinstance(item, Mapping) else None for item in items]
        if values and None not in values and len(set(map(str, values))) == len(values):
            return field
    return None
