"""The whole operator, kopf and all, in this process and against an API server that a test makes fail."""

import asyncio
import importlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import kopf
import pytest
import yaml
from fakeapi.server import FakeApi
from neuron_operator.builders import artifacts, claims
from neuron_operator.models.wanted import candidates
from neuron_operator.reading.objects import Object
from neuron_operator.terms.kinds import (
    AUTOSCALER,
    DEPLOYMENT,
    DISRUPTION_BUDGET,
    NEURON_MODEL,
    SERVICE,
)
from unit.operator.worlds import NAMESPACE, PARITY, REPORT, SETTINGS, condition, model, model_body

NAME = (NAMESPACE, "gpt2")
CHILDREN = (SERVICE, DEPLOYMENT, AUTOSCALER, DISRUPTION_BUDGET)
_IMAGES = {
    kind: {family: f"example.org/{kind}:{family}" for family in ("cpu", "neuronx", "neuron")}
    for kind in ("compiler", "triton", "torchserve")
}


@asynccontextmanager
async def operating(api: FakeApi, home: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """An operator that looks after the namespace."""
    settings, kubeconfig = home / "settings.yaml", home / "kubeconfig.yaml"
    settings.write_text(yaml.safe_dump({"images": _IMAGES, "watchNamespaces": [NAMESPACE]}))
    named = {"clusters": {"cluster": {"server": api.url}}, "users": {"user": {"token": "secret"}}}
    contexts = [{"name": "x", "context": {"cluster": "x", "user": "x"}}]
    config: Object = {"apiVersion": "v1", "kind": "Config", "contexts": contexts, "current-context": "x"}
    config |= {key: [{"name": "x", **value}] for key, value in named.items()}
    kubeconfig.write_text(yaml.safe_dump(config))
    monkeypatch.setenv("NEURON_OPERATOR_SETTINGS", str(settings))
    monkeypatch.setenv("NEURON_OPERATOR_METRICS_PORT", "0")
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    # The client library has read the variable when it was imported.
    monkeypatch.setattr("kubernetes_asyncio.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(kubeconfig))
    importlib.import_module("neuron_operator.handlers")
    stop = asyncio.Event()
    running = asyncio.create_task(kopf.operator(standalone=True, namespaces=[NAMESPACE], stop_flag=stop))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait([running])
    await running


def published() -> Object:
    """The artifact that the model wants, Ready."""
    wanted = candidates(model(), SETTINGS)["cpu"].wanted
    body = artifacts.artifact(model(), wanted, claims.claim_name(model(), SETTINGS))
    said = [condition("Ready", "True", "Published", "Published.")]
    status = {"phase": "Ready", "digest": wanted.digest, "parity": PARITY, "conditions": said}
    return {**body, "status": {**status, "benchmark": REPORT["benchmark"]}}


def new_model(**spec: Any) -> Object:
    """A NeuronModel as a user writes it."""
    body = model_body(**spec)
    body["metadata"] = {"name": "gpt2", "namespace": NAMESPACE}
    return body


def children(api: FakeApi) -> list[Object]:
    """The children that are there."""
    return [api.of(kind).objects[NAME] for kind in CHILDREN if NAME in api.of(kind).objects]


def phase(api: FakeApi) -> str:
    """What the model's status says."""
    return str((api.of(NEURON_MODEL).get(NAME).get("status") or {}).get("phase"))


def writes(api: FakeApi) -> int:
    """The writes so far; but for Leases, which are renewed for ever."""
    return sum(method != "GET" and "/leases" not in path for method, path in api.requests)
