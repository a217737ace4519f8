"""No object can be made large: every text, list and map of a spec has a bound, and so has the whole of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

CRDS = Path(__file__).resolve().parents[3] / "crds"
KEY = 128
LARGEST_SPEC = 850_000
"""In characters; etcd takes 1.5 MiB of one object."""


def spec_schema(plural: str) -> dict[str, Any]:
    crd = yaml.safe_load((CRDS / f"{plural}.yaml").read_text())
    schema: dict[str, Any] = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return schema


def largest(schema: Mapping[str, Any], path: str) -> int:
    """The most characters that a value of that schema has as JSON, names and quotes included."""
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


@pytest.mark.parametrize("plural", ["neuronmodels", "neuronartifacts"])
def test_every_field_of_a_spec_has_a_bound_and_so_has_the_whole(plural: str) -> None:
    assert largest(spec_schema(plural), "spec") < LARGEST_SPEC


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "string"}, "x has no maxLength"),
        ({"type": "array", "items": {"type": "integer"}}, "x has no maxItems"),
        ({"type": "array", "maxItems": 2, "items": {"type": "string"}}, r"x\[\] has no maxLength"),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, "x has no maxProperties"),
        (
            {"type": "object", "maxProperties": 1, "additionalProperties": {"type": "integer"}},
            "x does not bound its keys",
        ),
        ({"type": "object", "x-kubernetes-preserve-unknown-fields": True}, "x takes anything"),
    ],
)
def test_a_field_without_a_bound_is_named(schema: dict[str, Any], said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        largest(schema, "x")
