"""docs/api.md: every field of the two resources with its type, default, bounds, description and rules."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Schema = Mapping[str, Any]

HEAD = """\
# The API

Generated from [crds/](../crds/) by `make crds`; `kubectl explain neuronmodel.spec --recursive` shows it too.
A field in **bold** is required. Fields that are Kubernetes' own are listed down to their second level.
How this version becomes the next is in [api-versions.md](api-versions.md).
"""
BOUNDS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "minLength": "{} characters or more",
    "maxLength": "at most {} characters",
    "minItems": "{} items or more",
    "maxItems": "at most {} items",
    "maxProperties": "at most {} keys",
    "pattern": "matches `{}`",
    "format": "{}",
}
DEEP = 2
"""Levels of a type of Kubernetes that are shown."""


def page(crds: Sequence[Schema]) -> str:
    """The whole page."""
    return "\n".join([HEAD, *(line for crd in crds for line in _resource(crd))])


def _resource(crd: Schema) -> Iterator[str]:
    version = crd["spec"]["versions"][0]
    schema = version["schema"]["openAPIV3Schema"]
    names = crd["spec"]["names"]
    yield f"## {names['kind']}"
    yield ""
    short = ", ".join(names["shortNames"])
    yield f"`apiVersion: {crd['spec']['group']}/{version['name']}`, short name `{short}`."
    yield ""
    for part in ("spec", "status"):
        rows = list(_rows(schema["properties"][part], part))
        yield f"### {names['kind']}.{part}"
        yield ""
        yield "| field | type | default | what |"
        yield "|---|---|---|---|"
        yield from (row for row, _ in rows)
        yield ""
        rules = [rule for _, said in rows for rule in said]
        if part == "spec":
            own = _rules(schema, "metadata.name") + _rules(schema["properties"]["spec"], "spec")
            yield "Rules, with the sentence that the API server answers:"
            yield ""
            yield from [*own, *rules]
            yield ""


def _rows(schema: Schema, path: str, left: int | None = None) -> Iterator[tuple[str, list[str]]]:
    """A row for each field below the path, and its rules. `left`: levels still shown, None for all."""
    required = schema.get("required", ())
    for name, field in schema.get("properties", {}).items():
        here = f"{path}.{name}"
        shown = f"**`{here}`**" if name in required else f"`{here}`"
        yield f"| {shown} | {_type(field)} | {_default(field)} | {_what(field)} |", _rules(field, here)
        inner = field.get("items", field)
        deeper = DEEP if left is None and _is_foreign(name) else left
        if deeper != 0:
            below = f"{here}[]" if "items" in field else here
            yield from _rows(inner, below, None if deeper is None else deeper - 1)


def _is_foreign(name: str) -> bool:
    return name in {"affinity", "metrics", "behavior", "tolerations", "topologySpreadConstraints", "env"}


def _type(field: Schema) -> str:
    if field.get("pattern", "").endswith("%$"):
        return "integer or percentage"
    if field.get("x-kubernetes-int-or-string"):
        return "quantity" if "pattern" in field else "integer or string"
    if field["type"] == "array":
        kind = field.get("x-kubernetes-list-type", "atomic")
        keys = ", ".join(field.get("x-kubernetes-list-map-keys", ()))
        return f"list of {_type(field['items'])} ({kind}{f' by {keys}' if keys else ''})"
    if "additionalProperties" in field:
        return f"map of {_type(field['additionalProperties'])}"
    return str(field["type"])


def _default(field: Schema) -> str:
    if "default" not in field or field["default"] == {}:
        return ""
    value = field["default"]
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _what(field: Schema) -> str:
    said = [_cell(field.get("description", ""))]
    if "enum" in field:
        said.append("One of " + ", ".join(f"`{value}`" for value in field["enum"]) + ".")
    bounds = [text.format(_cell(str(field[key]))) for key, text in BOUNDS.items() if key in field]
    if bounds and not field.get("x-kubernetes-int-or-string"):
        said.append(f"({'; '.join(bounds)})")
    return " ".join(part for part in said if part)


def _rules(field: Schema, path: str) -> list[str]:
    rules = field.get("x-kubernetes-validations", ())
    return [f"- `{path}`: {' '.join(rule['message'].split())}" for rule in rules]


def _cell(text: str) -> str:
    """Text of a cell: on one line, with no bar and no tag in it."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
