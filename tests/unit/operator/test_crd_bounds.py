"""No object can be made large: every text, list and map of a spec has a bound, and so has the whole of it."""

from typing import Any

import pytest
from support.schema import largest, spec_schema

LARGEST_SPEC = 920_000
"""In characters; etcd takes 1.5 MiB of one object."""


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
