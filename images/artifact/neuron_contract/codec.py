"""Frozen dataclasses as JSON objects and back: `snake_case` fields, `camelCase` keys."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

T = TypeVar("T")


def to_json(value: Any) -> Any:
    """The value as `json.dumps` takes it. A field that is None is written as null: every key is there."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {_key(field): to_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    return value


def from_json(kind: type[T], content: Any) -> T:
    """The dataclass from its JSON object; keys that it does not know are passed over.

    Raises ValueError that names what is missing or is not of its type.
    """
    result: T = _read(kind, content, kind.__name__)
    return result


def _read(kind: Any, content: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        (inner,) = (argument for argument in arguments if argument is not types.NoneType)
        return None if content is None else _read(inner, content, where)
    if dataclasses.is_dataclass(kind):
        return _read_dataclass(kind, content, where)
    if origin is tuple:
        if not isinstance(content, list):
            raise ValueError(f"{where} is no list")
        return tuple(_read(arguments[0], item, f"{where}[{at}]") for at, item in enumerate(content))
    if kind is float and isinstance(content, int) and not isinstance(content, bool):
        return float(content)
    if not isinstance(content, kind) or (isinstance(content, bool) and kind is not bool):
        raise ValueError(f"{where} is {content!r} and no {kind.__name__}")
    return content


def _read_dataclass(kind: Any, content: Any, where: str) -> Any:
    if not isinstance(content, Mapping):
        raise ValueError(f"{where} is no object")
    hints = typing.get_type_hints(kind)
    found = {}
    for field in dataclasses.fields(kind):
        key = _key(field)
        if key in content:
            found[field.name] = _read(hints[field.name], content[key], f"{where}.{key}")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise ValueError(f"{where}.{key} is missing")
    return kind(**found)


def _key(field: dataclasses.Field[Any]) -> str:
    named = field.metadata.get("key")
    if named:
        return str(named)
    first, *rest = field.name.split("_")
    return first + "".join(word.capitalize() for word in rest)
