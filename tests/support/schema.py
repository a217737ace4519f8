"""How large an object may be that a CRD admits."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from neuron_operator.builders.patches import LARGEST_PATCH

CRDS = Path(__file__).resolve().parents[2] / "crds"
KEY = 128
"""Characters of a map's key, as the CRDs bound it."""


def spec_schema(plural: str) -> dict[str, Any]:
    """The schema of a kind's spec, as in crds/."""
    return _part(plural, "spec")


def status_schema(plural: str) -> dict[str, Any]:
    """The schema of a kind's status, as in crds/."""
    return _part(plural, "status")


def _part(plural: str, name: str) -> dict[str, Any]:
    crd = yaml.safe_load((CRDS / f"{plural}.yaml").read_text())
    schema: dict[str, Any] = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"][name]
    return schema


def largest(schema: Mapping[str, Any], path: str) -> int:
    """The most characters that a value of that schema has as JSON, names and quotes included.

    Raises AssertionError, naming the field, where one has no bound.
    """
    if path.endswith(".podTemplate.spec"):
        return LARGEST_PATCH  # The operator's own bound: a schema can't bound what it does not know.
    assert not schema.get("x-kubernetes-preserve-unknown-fields"), f"{path} takes anything"
    if schema.get("x-kubernetes-int-or-string"):
        return _length(schema, path)
    match schema["type"]:
        case "string":
            return _length(schema, path)
        case "array":
            assert "maxItems" in schema, f"{path} has no maxItems"
            return int(schema["maxItems"]) * (largest(schema["items"], f"{path}[]") + 1)
        case "object":
            own = {
                name: largest(inner, f"{path}.{name}") for name, inner in schema.get("properties", {}).items()
            }
            return sum(len(name) + 4 + size for name, size in own.items()) + _entries(schema, path)
        case _:
            return 24


def _length(schema: Mapping[str, Any], path: str) -> int:
    if "enum" in schema:
        return max(len(value) for value in schema["enum"]) + 2
    assert "maxLength" in schema, f"{path} has no maxLength"
    return int(schema["maxLength"]) + 2


def _entries(schema: Mapping[str, Any], path: str) -> int:
    if "additionalProperties" not in schema:
        return 0
    assert "maxProperties" in schema, f"{path} has no maxProperties"
    rules = [rule["rule"] for rule in schema.get("x-kubernetes-validations", ())]
    assert f"self.all(key, size(key) <= {KEY})" in rules, f"{path} does not bound its keys"
    return int(schema["maxProperties"]) * (KEY + 4 + largest(schema["additionalProperties"], f"{path}{{}}"))
