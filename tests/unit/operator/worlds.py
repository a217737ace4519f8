"""Objects as the API server would show them, for tests of decisions."""

import copy
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from neuron_operator.api.artifact import NeuronArtifact, parse_artifact
from neuron_operator.api.model import NeuronModel, parse_model
from neuron_operator.api.settings import Settings, parse_settings
from neuron_operator.reading.objects import Object, format_time
from neuron_operator.world.stores import Stores
from neuron_operator.world.world import World

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
NAMESPACE = "team"

SETTINGS: Settings = parse_settings(
    {
        "images": {
            "compiler": {"cpu": "example.org/compiler:1", "neuronx": "example.org/compiler:1-neuronx"},
            "triton": {"cpu": "example.org/triton:1", "neuronx": "example.org/triton:1-neuronx"},
            "torchserve": {"cpu": "example.org/torchserve:1"},
        },
        "resources": {
            "compile": {"cpu": {"requests": {"cpu": "1", "memory": "2Gi"}, "limits": {"memory": "8Gi"}}},
            "serving": {"cpu": {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"memory": "4Gi"}}},
        },
    }
)
UPGRADED: Settings = parse_settings(
    {
        "images": {
            "compiler": {"cpu": "example.org/compiler:2", "neuronx": "example.org/compiler:2-neuronx"},
            "triton": {"cpu": "example.org/triton:2", "neuronx": "example.org/triton:2-neuronx"},
            "torchserve": {"cpu": "example.org/torchserve:2"},
        },
        "toolchains": {"cpu": "cpu-torch3.0.0"},
    }
)


def at(seconds: float) -> datetime:
    """So many seconds after NOW."""
    return NOW + timedelta(seconds=seconds)


def model_body(
    name: str = "gpt2", *, generation: int = 1, created: str = "2026-01-01T11:00:00Z", **spec: Any
) -> Object:
    """A NeuronModel for the CPU, with the given fields of its spec."""
    return {
        "apiVersion": "neuron-operator.dev/v1alpha1",
        "kind": "NeuronModel",
        "metadata": {
            "name": name,
            "namespace": NAMESPACE,
            "uid": f"uid-{name}",
            "generation": generation,
            "creationTimestamp": created,
            "resourceVersion": "1",
        },
        "spec": {"model": {"uri": "hf://openai-community/gpt2"}, "target": "cpu", **spec},
    }


def model(**fields: Any) -> NeuronModel:
    """The same, parsed."""
    return parse_model(model_body(**fields))


def knowing(*objects: Object, settings: Settings = SETTINGS) -> Stores:
    """What is known of a cluster that has these objects."""
    world = World(settings, lambda _: None)
    for obj in objects:
        world.wrote(obj)
    return world.stores


def stored(obj: Object, **status: Any) -> Object:
    """A built object as it comes back from the API server."""
    copied = copy.deepcopy(obj)
    copied["metadata"] = {"uid": f"uid-{obj['kind']}-{obj['metadata']['name']}", "generation": 1} | copied[
        "metadata"
    ]
    if status:
        copied["status"] = status
    return copied


def artifact_body(*, status: Object | None = None, **spec: Any) -> Object:
    """A NeuronArtifact for the CPU."""
    body: Object = {
        "apiVersion": "neuron-operator.dev/v1alpha1",
        "kind": "NeuronArtifact",
        "metadata": {
            "name": "gpt2-0123456789",
            "namespace": NAMESPACE,
            "uid": "uid-artifact",
            "generation": 1,
            "resourceVersion": "1",
        },
        "spec": {
            "model": {"uri": "hf://openai-community/gpt2"},
            "target": "cpu",
            "toolchain": "cpu-torch2.13.0",
            "image": "example.org/compiler:1",
            "claimName": "neuron-artifacts",
            **spec,
        },
    }
    if status is not None:
        body["status"] = status
    return body


def artifact(settings: Settings = SETTINGS, **fields: Any) -> NeuronArtifact:
    """The same, parsed."""
    return parse_artifact(artifact_body(**fields), settings)


def condition(
    type_: str, status: str = "True", reason: str = "Test", message: str = "", age: float = 0
) -> Object:
    """A condition whose status has held for so many seconds."""
    return {
        "type": type_,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": format_time(at(-age)),
    }


def pod(
    *,
    owner: str,
    container: str = "compile",
    name: str = "pod-0",
    conditions: tuple[Object, ...] = (),
    **container_status: Any,
) -> Object:
    """A pod with one container."""
    return {
        "metadata": {
            "name": name,
            "namespace": NAMESPACE,
            "uid": f"uid-{name}",
            "creationTimestamp": "2026-01-01T11:30:00Z",
            "ownerReferences": [{"uid": owner, "controller": True}],
        },
        "status": {
            "conditions": list(conditions),
            "containerStatuses": [{"name": container, "image": "example.org/image:1", **container_status}],
        },
    }


def ended(exit_code: int, report: Object | None = None, reason: str = "Error") -> Object:
    """The state of a container that has ended, with its termination message."""
    message = {} if report is None else {"message": json.dumps(report)}
    return {
        "terminated": {"exitCode": exit_code, "reason": reason, "finishedAt": format_time(NOW), **message}
    }


PARITY: Object = {
    "passed": True,
    "metric": "MaxRel",
    "value": 1e-6,
    "tolerance": 1e-4,
    "maxAbs": 2e-6,
    "maxRel": 1e-6,
    "cosine": 0.999,
}

REPORT: Object = {
    "outcome": "Published",
    "digest": "0" * 32,
    "manifestSha256": "5" * 64,
    "revision": "607a30d783dfa663caf39e06633721c8d4cfcd7e",
    "sizeBytes": 548105171,
    "versions": {"torch": "2.13.0"},
    "seconds": {"total": 61.5},
    "parity": PARITY,
    "benchmark": {"bucket": "b1_s128", "p50Milliseconds": 20.5, "throughputPerSecond": 48.1},
}
