"""The CRDs as an API reviewer reads them: described fields, lists that merge, no floating point in a spec."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

CRDS = Path(__file__).resolve().parents[3] / "crds"
CLIENT_SIDE_APPLY_BYTES = 262144


def read(plural: str) -> dict[str, Any]:
    crd: dict[str, Any] = yaml.safe_load((CRDS / f"{plural}.yaml").read_text())
    return crd


def fields(plural: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every field of spec and status by its path."""
    schema = read(plural)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    for part in ("spec", "status"):
        yield from below(schema[part], part)


def below(schema: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, field in schema.get("properties", {}).items():
        yield f"{path}.{name}", field
        yield from below(field.get("items", field), f"{path}.{name}")


@pytest.mark.parametrize("plural", ["neuronmodels", "neuronartifacts"])
def test_every_field_is_described(plural: str) -> None:
    assert [path for path, field in fields(plural) if not field.get("description")] == []


@pytest.mark.parametrize("plural", ["neuronmodels", "neuronartifacts"])
def test_every_list_says_how_it_is_merged(plural: str) -> None:
    lists = [(path, field) for path, field in fields(plural) if field.get("type") == "array"]
    assert [path for path, field in lists if "x-kubernetes-list-type" not in field] == []


@pytest.mark.parametrize("plural", ["neuronmodels", "neuronartifacts"])
def test_a_spec_holds_no_floating_point(plural: str) -> None:
    floats = [path for path, field in fields(plural) if field.get("type") == "number"]
    assert [path for path in floats if path.startswith("spec.")] == []


@pytest.mark.parametrize("plural", ["neuronmodels", "neuronartifacts"])
def test_no_field_of_a_spec_takes_what_it_does_not_know(plural: str) -> None:
    loose = [path for path, field in fields(plural) if field.get("x-kubernetes-preserve-unknown-fields")]
    assert loose == []


@pytest.mark.parametrize("plural", ["neuronmodels", "neuronartifacts"])
def test_the_crd_is_small_enough_for_a_client_side_apply(plural: str) -> None:
    assert len(yaml.safe_dump(read(plural))) < CLIENT_SIDE_APPLY_BYTES
