"""The CRDs as an API reviewer reads them: described fields, lists that merge, no floating point in a spec."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from neuron_operator.artifacts.status import last_problem

CRDS = Path(__file__).resolve().parents[3] / "crds"
GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "objects"
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
def test_only_a_patch_of_a_pod_takes_what_the_schema_does_not_know(plural: str) -> None:
    loose = [path for path, field in fields(plural) if field.get("x-kubernetes-preserve-unknown-fields")]
    assert all(path.endswith(".podTemplate.spec") for path in loose)


def variables_of(component: str) -> set[str]:
    """Names in the environments of that component's pods, in all the golden objects without env of a user."""
    found: set[str] = set()
    for path in (GOLDEN / name for name in ("cpu.yaml", "elsewhere.yaml", "everything.yaml")):
        for obj in yaml.safe_load_all(path.read_text()):
            template = obj["spec"].get("template") or {}
            if (template.get("metadata") or {}).get("labels", {}).get(
                "app.kubernetes.io/component"
            ) == component:
                pod = template["spec"]
                containers = (*pod.get("initContainers", ()), *pod["containers"])
                found |= {each["name"] for container in containers for each in container["env"]}
    return found - {"OMP_WAIT_POLICY"}


@pytest.mark.parametrize(("field", "component"), [("serving", "server"), ("compile", "compile")])
def test_what_the_operator_sets_itself_is_refused_in_env(field: str, component: str) -> None:
    env = dict(fields("neuronmodels"))[f"spec.{field}.env"]
    (rule,) = env["x-kubernetes-validations"]
    names = variables_of(component)
    assert names
    assert {name for name in names if f"'{name}'" not in rule["rule"]} == set()


@pytest.mark.parametrize("plural", ["neuronmodels", "neuronartifacts"])
def test_the_crd_is_small_enough_for_a_client_side_apply(plural: str) -> None:
    assert len(yaml.safe_dump(read(plural))) < CLIENT_SIDE_APPLY_BYTES


@pytest.mark.parametrize("plural", ["neuronmodels", "neuronartifacts"])
def test_what_no_operator_has_looked_at_says_so(plural: str) -> None:
    status = read(plural)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]
    (said,) = status["default"]["conditions"]
    assert (said["type"], said["status"], said["reason"]) == ("Ready", "Unknown", "NotWatched")
    assert set(said) >= set(status["properties"]["conditions"]["items"]["required"])
    assert last_problem(status["default"]) is None, "to the operator it says nothing"
