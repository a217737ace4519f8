"""How positions are turned into rotations: one table in transformers 5, several settings in 4."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neuron_compiler.newer.unknown import UnknownError

_FULL, _SLIDING = "full_attention", "sliding_attention"
# The base, the part that is rotated, by the names that classes of 4 have for them.
_BASES, _PARTS = ("rope_theta", "rotary_emb_base"), ("partial_rotary_factor", "rotary_pct")
# For layers of full and of sliding attention.
_PAIRS = (("rope_theta", "rope_local_base_freq"), ("global_rope_theta", "local_rope_theta"))


def translated(said: Any, names: frozenset[str]) -> dict[str, Any]:
    """The settings of transformers 4 that mean the same; `names` are those that the class takes.

    Raises UnknownError where it has none.
    """
    if not said:
        return {}
    if not isinstance(said, Mapping):
        raise UnknownError(f"rope_parameters ({said})")
    if any(isinstance(each, Mapping) for each in said.values()):
        return _by_layer(said, names)
    return _flat(said, names, _BASES)


def _by_layer(said: Mapping[str, Any], names: frozenset[str]) -> dict[str, Any]:
    pair = next((pair for pair in _PAIRS if names.issuperset(pair)), None)
    if not set(said) <= {_FULL, _SLIDING} or pair is None:
        raise UnknownError(f"rope_parameters for {', '.join(map(str, said))}")
    result: dict[str, Any] = {}
    if said.get(_FULL):
        result |= _flat(said[_FULL], names, pair[:1])
    if said.get(_SLIDING):
        # These are never scaled in 4.
        result |= _flat(said[_SLIDING], frozenset(pair), pair[1:])
    return result


def _flat(said: Mapping[str, Any], names: frozenset[str], bases: tuple[str, ...]) -> dict[str, Any]:
    rest = dict(said)
    base, part = rest.pop("rope_theta", None), rest.pop("partial_rotary_factor", 1.0)
    kind = rest.pop("rope_type", "default")
    result: dict[str, Any] = {}
    if base is not None:
        result[_one_of(bases, names, f"rope_theta {base}")] = base
    parts = [name for name in _PARTS if name in names]
    if parts:
        result[parts[0]] = part
    elif part != 1.0:
        raise UnknownError(f"partial_rotary_factor {part}")
    scaling = None if kind == "default" else {"rope_type": kind, **rest}
    if "rope_scaling" in names:
        result["rope_scaling"] = scaling
    elif scaling is not None:
        raise UnknownError(f"rope_parameters of the type {kind}")
    return result


def _one_of(wanted: tuple[str, ...], names: frozenset[str], what: str) -> str:
    found = next((name for name in wanted if name in names), None)
    if found is None:
        raise UnknownError(what)
    return found
