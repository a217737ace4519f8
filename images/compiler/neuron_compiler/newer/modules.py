"""modules.json of sentence-transformers 6 as release 5 reads it: some modules have moved."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

_LIBRARY = "sentence_transformers"


def translated(modules: Sequence[Any]) -> list[Any]:
    """The modules, those that are in no such place here under the name that both releases know."""
    if find_spec(_LIBRARY) is None:
        return list(modules)
    return [
        {**module, "type": _known(str(module["type"]))}
        if isinstance(module, dict) and "type" in module
        else module
        for module in modules
    ]


def _known(kind: str) -> str:
    place, _, name = kind.rpartition(".")
    if not place.startswith(f"{_LIBRARY}.") or _is_there(place):
        return kind
    return f"{_LIBRARY}.models.{name}"


def _is_there(place: str) -> bool:
    try:
        return find_spec(place) is not None
    except ModuleNotFoundError:
        return False
