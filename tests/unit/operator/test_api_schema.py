"""The parsers and the CRDs agree: what is declared is read, what is read is declared, same defaults."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from crdtools.splice import splice
from neuron_operator.api.artifact import parse_artifact
from neuron_operator.api.model import parse_model
from neuron_operator.api.spec import parse_compile
from neuron_operator.reading import quantities
from unit.operator.worlds import SETTINGS

CRDS = Path(__file__).resolve().parents[3] / "crds"


def spec_schema(plural: str) -> dict[str, Any]:
    """What the project declares itself: types of Kubernetes stand for themselves."""
    crd = yaml.safe_load(splice((CRDS / f"{plural}.yaml").read_text(), lambda name: {"type": "object"}))
    schema: dict[str, Any] = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return schema


def leaves(schema: Mapping[str, Any], path: str) -> Iterator[str]:
    """Paths of everything declared that leaves a choice and has no declared properties of its own."""
    for name, inner in schema["properties"].items():
        here = f"{path}.{name}"
        if "properties" in inner and name not in ("podTemplate", "service"):
            yield from leaves(inner, here)
        elif len(inner.get("enum", ())) != 1:
            yield here


def sample(schema: Mapping[str, Any]) -> Any:
    """Some value of that schema with everything in it."""
    if "properties" in schema:
        return {name: sample(inner) for name, inner in schema["properties"].items()}
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "integer":
            return schema.get("minimum", 1)
        case "number":
            return 0.5
        case "boolean":
            return True
        case "array":
            return [sample(schema["items"])]
        case "object":
            return {}
        case "string" if "double(self)" in str(schema):
            return "0.5"
        case _:
            return "hf://a/b"


class Recorder(dict[str, Any]):
    """A mapping that remembers which of its paths were read."""

    def __init__(self, content: Mapping[str, Any], path: str, reads: set[str]) -> None:
        super().__init__(
            {k: Recorder(v, f"{path}.{k}", reads) if isinstance(v, dict) else v for k, v in content.items()}
        )
        self._path = path
        self._reads = reads

    def __getitem__(self, key: str) -> Any:
        self._reads.add(f"{self._path}.{key}")
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        self._reads.add(f"{self._path}.{key}")
        return super().get(key, default)


def reads_of(kind: str, content: Mapping[str, Any]) -> set[str]:
    reads: set[str] = set()
    body = {"metadata": {"name": "a", "namespace": "b"}, "spec": Recorder(content, "spec", reads)}
    if kind == "neuronmodels":
        parse_model(body)
        parse_model(
            {**body, "spec": Recorder({k: v for k, v in content.items() if k != "replicas"}, "spec", reads)}
        )
    else:
        parse_artifact(body, SETTINGS)
    return reads


@pytest.mark.parametrize("kind", ["neuronmodels", "neuronartifacts"])
def test_everything_declared_is_read_and_everything_read_is_declared(kind: str) -> None:
    schema = spec_schema(kind)
    declared = set(leaves(schema, "spec"))
    reads = reads_of(kind, sample(schema))
    parents = {path for path in reads if any(leaf.startswith(f"{path}.") for leaf in declared)}
    assert declared - reads == set()
    assert reads - parents - declared == set()


QUANTITIES = ("1", "+2", "0.5", ".5", "500m", "4Gi", "16G", "1e3", "1E-3", "2e+3")
NO_QUANTITIES = ("1e1.5", "-1", "-500m", "4GB", "", "Gi", "1 Gi", "1e")


def quantity_patterns(schema: Any) -> Iterator[str]:
    """The pattern of every declared Kubernetes quantity; as a number it must not be negative either.

    A number of pods, or a part of them in percent, is none.
    """
    if isinstance(schema, Mapping):
        if schema.get("x-kubernetes-int-or-string"):
            assert schema["minimum"] == 0
            if not schema["pattern"].endswith("%$"):
                yield schema["pattern"]
        for inner in schema.values():
            yield from quantity_patterns(inner)


@pytest.mark.parametrize(("kind", "count"), [("neuronmodels", 4), ("neuronartifacts", 2)])
def test_quantities_are_those_that_a_pod_takes(kind: str, count: int) -> None:
    patterns = list(quantity_patterns(spec_schema(kind)))
    assert len(patterns) == count
    for pattern in patterns:
        assert [text for text in QUANTITIES if not re.search(pattern, text)] == []
        assert [text for text in NO_QUANTITIES if re.search(pattern, text)] == []
    assert all(quantities.parse(text) >= 0 for text in QUANTITIES)


def declared_defaults(schema: Mapping[str, Any]) -> Any:
    """The value that the API server fills in; an object without a default of its own stays absent."""
    if "properties" in schema:
        filled = {
            name: declared_defaults(inner)
            for name, inner in schema["properties"].items()
            if "properties" not in inner or "default" in inner or name in schema.get("required", ())
        }
        return {name: value for name, value in filled.items() if value is not None}
    return schema.get("default")


def test_the_parsers_defaults_are_those_of_the_schema() -> None:
    schema = spec_schema("neuronmodels")
    assert parse_compile({}) == parse_compile(declared_defaults(schema["properties"]["compile"]))
    metadata = {"name": "a", "namespace": "b"}
    bare: dict[str, Any] = {"model": {"uri": "hf://a/b"}}
    defaults = declared_defaults(schema)
    full = {**defaults, "model": {**defaults["model"], "uri": "hf://a/b"}}
    assert parse_model({"metadata": metadata, "spec": bare}) == parse_model(
        {"metadata": metadata, "spec": full}
    )
