"""Schemas of Kubernetes' own types, from the OpenAPI of the release that tests/cluster/go pins."""

import json
import re
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

MODULE = Path(__file__).resolve().parents[1] / "cluster" / "go"
GROUPS = ("api__v1", "apis__autoscaling__v2")
QUANTITY = r"^[+-]?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE][+-]?[0-9]+))?$"
KEPT = ("type", "format", "enum", "required", "x-kubernetes-list-type", "x-kubernetes-list-map-keys")
MAP_TYPE = "x-kubernetes-map-type"
ENUMS = {
    "io.k8s.api.core.v1.Toleration": {
        "operator": ["Exists", "Equal", "Lt", "Gt"],
        "effect": ["NoSchedule", "PreferNoSchedule", "NoExecute"],
    },
    "io.k8s.api.core.v1.TopologySpreadConstraint": {"whenUnsatisfiable": ["DoNotSchedule", "ScheduleAnyway"]},
    "io.k8s.api.core.v1.NodeSelectorRequirement": {
        "operator": ["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]
    },
    "io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelectorRequirement": {
        "operator": ["In", "NotIn", "Exists", "DoesNotExist"]
    },
    "io.k8s.api.autoscaling.v2.MetricSpec": {
        "type": ["ContainerResource", "External", "Object", "Pods", "Resource"]
    },
    "io.k8s.api.autoscaling.v2.MetricTarget": {"type": ["Utilization", "Value", "AverageValue"]},
}
"""Values that the published OpenAPI does not list, though the API server refuses all others."""

Schema = dict[str, Any]

# A label's value has at most 63 characters, as has a namespace's name; a longer key than that is nowhere.
KEY, VALUE = {"maxLength": 128}, {"maxLength": 63}
LONGEST, MOST = 253, 4
"""What a string and a list hold where the table below says nothing: a name of an object, and a handful."""
BOUNDS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "io.k8s.api.core.v1.Toleration": {"key": KEY, "value": VALUE},
    "io.k8s.api.core.v1.NodeSelectorTerm": {"matchFields": {"maxItems": 1}},
    "io.k8s.api.core.v1.NodeSelectorRequirement": {"key": KEY, "values": {"maxItems": 8}},
    "io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelectorRequirement": {
        "key": KEY,
        "values": {"maxItems": 8, "items": VALUE},
    },
    "io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector": {"matchLabels": {"additionalProperties": VALUE}},
    "io.k8s.api.core.v1.PodAffinityTerm": {
        "topologyKey": KEY,
        "namespaces": {"items": VALUE},
        "matchLabelKeys": {"items": KEY},
        "mismatchLabelKeys": {"items": KEY},
    },
    "io.k8s.api.core.v1.TopologySpreadConstraint": {"topologyKey": KEY, "matchLabelKeys": {"items": KEY}},
    "io.k8s.api.core.v1.EnvVar": {"value": {"maxLength": 2048}},
}
"""What the API server leaves unbounded: without a bound, one object may be as large as etcd takes."""
QUANTITY_LENGTH = 32
SHORT_KEYS = {"rule": "self.all(key, size(key) <= 128)", "message": "a key has at most 128 characters"}
"""A schema has no word for the length of a map's keys."""


@cache
def definitions() -> Mapping[str, Schema]:
    """Every definition of the pinned release, by its full name. Needs Go, and downloads the module once."""
    asked = ["go", "mod", "download", "-json", "k8s.io/kubernetes"]
    answer = subprocess.run(asked, cwd=MODULE, capture_output=True, text=True, check=True)
    folder = Path(json.loads(answer.stdout)["Dir"]) / "api" / "openapi-spec" / "v3"
    found: dict[str, Schema] = {}
    for group in GROUPS:
        found |= json.loads((folder / f"{group}_openapi.json").read_text())["components"]["schemas"]
    return found


def structural(name: str) -> Schema:
    """The definition as a structural schema: references resolved, descriptions cut to their first sentence.

    Defaults are left out, as the API server fills them in where the object ends up.
    """
    return _structural({"$ref": f"#/components/schemas/{name}"})


def _structural(schema: Schema) -> Schema:
    reference = schema.get("$ref") or (schema.get("allOf") or [{}])[0].get("$ref")
    if reference:
        target = definitions()[reference.rpartition("/")[2]]
        said = {"description": schema["description"]} if schema.get("description") else {}
        return _structural(target | said | {"name": reference.rpartition("/")[2]})
    said = {"description": _sentence(schema["description"])} if "description" in schema else {}
    if schema.get("name", "").endswith(".Quantity"):
        either: Schema = {"anyOf": [{"type": "integer"}, {"type": "string"}], "pattern": QUANTITY}
        return said | either | {"x-kubernetes-int-or-string": True, "maxLength": QUANTITY_LENGTH}
    if schema.get("format") == "int-or-string":
        return said | {"x-kubernetes-int-or-string": True, "maxLength": QUANTITY_LENGTH}
    result = {"type": schema["type"]} | said | {key: schema[key] for key in KEPT if key in schema}
    if MAP_TYPE in schema:
        result[MAP_TYPE] = schema[MAP_TYPE]
    if "properties" in schema:
        values, bounds = ENUMS.get(schema.get("name", ""), {}), BOUNDS.get(schema.get("name", ""), {})
        result["properties"] = {
            name: _bounded(
                _structural(inner | ({"enum": values[name]} if name in values else {})), bounds.get(name, {})
            )
            for name, inner in schema["properties"].items()
        }
    if "items" in schema:
        result["items"] = _structural(schema["items"])
        result.setdefault("x-kubernetes-list-type", "atomic")
        result["maxItems"] = MOST
    if "additionalProperties" in schema:
        result["additionalProperties"] = _structural(schema["additionalProperties"])
        result["maxProperties"] = MOST
        result["x-kubernetes-validations"] = [SHORT_KEYS]
    if result["type"] == "string" and "enum" not in result and result.get("format") != "date-time":
        result["maxLength"] = LONGEST
    return result


def _bounded(schema: Schema, bounds: Mapping[str, Any]) -> Schema:
    """The schema with those bounds, which may be of what a list or a map holds."""
    inner = {name: schema[name] | bound for name, bound in bounds.items() if isinstance(bound, Mapping)}
    return {**schema, **bounds, **inner}


def _sentence(text: str) -> str:
    """The first sentence, on one line."""
    line = " ".join(text.split())
    return re.split(r"(?<=[a-z)`\"])\. |\.$", line, maxsplit=1)[0].rstrip(".") + "."
