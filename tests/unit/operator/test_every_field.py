"""Nothing is ignored in silence: a change of each field changes an object, a digest or the fallback."""

import copy
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from crdtools.splice import splice
from neuron_operator.api.artifact import parse_artifact
from neuron_operator.api.model import parse_model
from neuron_operator.api.settings import Settings, parse_settings
from neuron_operator.builders import artifacts, claims, deployments, jobs, services
from neuron_operator.builders.autoscalers import autoscaler
from neuron_operator.builders.templates import Served
from neuron_operator.models.wanted import candidates
from neuron_operator.reading.objects import Object
from unit.operator.model_world import serving

ROOT = Path(__file__).resolve().parents[3]
WHOLE = {
    "affinity": {"nodeAffinity": {}},
    "labels": {"a": "b"},
    "annotations": {"a": "b"},
    "spec": {"terminationGracePeriodSeconds": 7},
    "behavior": {"scaleDown": {"stabilizationWindowSeconds": 1}},
    "env": [{"name": "A", "value": "1"}],
    "tolerations": [{"operator": "Exists"}],
    "topologySpreadConstraints": [{"topologyKey": "zone"}],
    "metrics": [{"type": "Resource"}],
    "maxSurge": 3,
    "maxUnavailable": "25%",
    "requests": {"cpu": "3"},
    "limits": {"cpu": "4"},
    "nodeSelector": {"a": "b"},
}
"""A value of each field that is Kubernetes' own."""
SURROUNDINGS: dict[str, Object] = {
    "spec.compile.neuron.": {"target": "inf1"},
    "spec.compile.cpu.": {"target": "cpu"},
    "spec.compile.parity.examplesFrom.": {
        "compile": {"parity": {"examplesFrom": {"configMapKeyRef": {"name": "asked"}}}}
    },
    "spec.compile.imageSizes": {"model": {"task": "image-classification"}},
}
"""What a field needs around it, by the beginning of its path."""


def leaves(schema: Mapping[str, Any], path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, inner in schema["properties"].items():
        if "properties" in inner and name not in WHOLE:
            yield from leaves(inner, f"{path}.{name}")
        else:
            yield f"{path}.{name}", inner


def declared() -> list[tuple[str, Mapping[str, Any]]]:
    text = (ROOT / "crds" / "neuronmodels.yaml").read_text()
    crd = yaml.safe_load(splice(text, lambda name: {"type": "object"}))
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return list(leaves(schema, "spec"))


def other(path: str, schema: Mapping[str, Any]) -> Any:
    """A value that is not the default."""
    name = path.rpartition(".")[2]
    if name in WHOLE:
        return WHOLE[name]
    if "enum" in schema:
        return next(value for value in reversed(schema["enum"]) if value != schema.get("default"))
    match schema["type"]:
        case "integer":
            return schema.get("default", schema.get("minimum", 0)) + 1
        case "boolean":
            return not schema.get("default", False)
        case "array":
            return [7] if schema["items"]["type"] == "integer" else ["word"]
        case _:
            return {"uri": "hf://other/model", "size": "7Gi"}.get(
                name, "0.7" if "double(self)" in str(schema) else "word"
            )


def with_value(spec: Object, path: str, value: Any) -> Object:
    changed = copy.deepcopy(spec)
    inner = changed
    *parents, last = path.split(".")[1:]
    for name in parents:
        inner = inner.setdefault(name, {})
    inner[last] = value
    return changed


def effects(spec: Object, settings: Settings) -> str:
    """Everything that follows from the spec, as text."""
    served = [{"digest": str(n), "artifact": f"m-{n}", "image": "i"} for n in range(10)]
    body = {"metadata": {"name": "m", "namespace": "team", "uid": "u"}, "status": {"history": served}}
    model = parse_model({**body, "spec": spec})
    found = candidates(model, settings)
    candidate = found[model.target]
    wanted, claim = candidate.wanted, claims.claim_name(model, settings)
    made = artifacts.artifact(model, wanted, claim)
    artifact = parse_artifact({**made, "metadata": {**made["metadata"], "uid": "a"}}, settings)
    to_serve = Served(wanted.name, wanted.digest, wanted.target, claim, candidate.pinned.serving_image)
    objects = [
        claims.claim(model, settings),
        made,
        jobs.compile_job(artifact, settings),
        services.service(model),
        deployments.deployment(model, to_serve, settings),
        autoscaler(model),
    ]
    return json.dumps([objects, sorted(found), sorted(model.known_artifacts)], sort_keys=True)


@pytest.mark.parametrize(
    ("path", "schema"), declared(), ids=lambda each: each if isinstance(each, str) else ""
)
def test_a_change_of_a_field_changes_something(path: str, schema: Mapping[str, Any]) -> None:
    settings = parse_settings(yaml.safe_load((ROOT / "tests/golden/settings.yaml").read_text()))
    spec: Object = {"model": {"uri": "hf://a/b"}, "target": "inf2"}
    for beginning, around in SURROUNDINGS.items():
        if path.startswith(beginning):
            spec = {**spec, **around, "model": {**spec["model"], **around.get("model", {})}}
    assert effects(with_value(spec, path, other(path, schema)), settings) != effects(spec, settings)


@pytest.mark.parametrize(
    ("storage", "sentence"),
    [
        (
            {"claimName": "elsewhere"},
            "It stays on the claim neuron-artifacts; to have it on elsewhere, delete",
        ),
        ({"storageClassName": "other"}, "names no class: other has no effect"),
        ({"size": "7Gi"}, "asks for 50Gi already: the size 7Gi has no effect"),
    ],
)
def test_storage_that_is_named_too_late_is_said(storage: Object, sentence: str) -> None:
    world = serving()
    world.change(storage=storage)
    world.reconcile()
    assert sentence in world.condition("ArtifactReady")["message"]
