"""A NeuronModel with what surrounds it, for tests of what becomes of it."""

import copy
from typing import Any

from neuron_operator.api.model import NeuronModel, parse_model
from neuron_operator.api.settings import Settings
from neuron_operator.models.decide import decide
from neuron_operator.models.observed import Observed
from neuron_operator.models.wanted import candidates
from neuron_operator.plans.plan import Plan, merge_patch
from neuron_operator.reading.nodes import Offer
from neuron_operator.reading.objects import Object, name_of
from unit.operator.worlds import (
    NOW,
    PARITY,
    SETTINGS,
    condition,
    model_body,
    stored,
)

PUBLISHED: Object = {
    "phase": "Ready",
    "digest": "set by the tests",
    "revision": "607a30d7",
    "parity": PARITY,
    "benchmark": {"bucket": "b1_s128", "p50Milliseconds": 20.5, "throughputPerSecond": 48.1},
    "conditions": [condition("Ready", "True", "Published", "Published.")],
}
AVAILABLE: Object = {
    "observedGeneration": 1,
    "replicas": 1,
    "updatedReplicas": 1,
    "readyReplicas": 1,
    "availableReplicas": 1,
}
FAILED: Object = {
    "phase": "Failed",
    "conditions": [condition("Ready", "False", "StorageNotBound", "No volume.")],
}
_PASSES = 3
"""More than any change of a model takes: what strays goes, its successor is made, status says so."""
ACTIVE: Object = {"conditions": [condition("ScalingActive", "True")]}


class World:
    """One NeuronModel and what surrounds it; `reconcile` does to it what a plan asks for."""

    def __init__(self, settings: Settings = SETTINGS, **spec: Any) -> None:
        self.settings = settings
        self.body = model_body(**spec)
        self.objects: dict[tuple[str, str], Object] = {}
        self.pods: list[Object] = []
        self.first_user = "gpt2"
        self.offers: list[Offer] = []
        self.cordoned: set[str] = set()
        self.now = NOW

    @property
    def model(self) -> NeuronModel:
        return parse_model(self.body)

    @property
    def status(self) -> Object:
        return dict(self.body.get("status", {}))

    def wanted_name(self, target: str | None = None) -> str:
        found = candidates(self.model, self.settings)
        return found[target or self.model.target].wanted.name

    def find(self, kind: str, name: str = "gpt2") -> Object | None:
        return self.objects.get((kind, name))

    def the(self, kind: str, name: str = "gpt2") -> Object:
        return self.objects[kind, name]

    def decide(self) -> Plan:
        artifacts = {name: obj for (kind, name), obj in self.objects.items() if kind == "NeuronArtifact"}
        observed = Observed(
            artifacts=artifacts,
            first_users=dict.fromkeys(artifacts, self.first_user),
            claim=self.find("PersistentVolumeClaim", "neuron-artifacts"),
            deployment=self.find("Deployment"),
            service=self.find("Service"),
            autoscaler=self.find("HorizontalPodAutoscaler"),
            disruption_budget=self.find("PodDisruptionBudget"),
            pods=self.pods,
            offers=self.offers,
            cordoned=frozenset(self.cordoned),
        )
        return decide(self.model, observed, self.settings, self.now)

    def reconcile(self) -> Plan:
        """Decide and carry out, once; every state that the tests come by is then at rest."""
        plan = self._carry_out(self.decide())
        self._check_that_it_settles()
        return plan

    def _check_that_it_settles(self) -> None:
        """Left alone, the model comes to rest within a few passes, and then nothing more is written."""
        copied = copy.deepcopy(self)
        for _ in range(_PASSES):
            copied._carry_out(copied.decide())
        plan = copied.decide()
        assert not plan.writes_children, plan
        assert merge_patch(copied.status, plan.status or {}) == {}

    def _carry_out(self, plan: Plan) -> Plan:
        for obj in (*plan.create, *(change.obj for change in plan.apply)):
            key = (obj["kind"], name_of(obj))
            before = self.objects.get(key, {})
            self.objects[key] = stored(obj) | {k: before[k] for k in ("status",) if k in before}
        if plan.hand_over is not None:
            self.the("Deployment")["spec"]["replicas"] = plan.hand_over["spec"]["replicas"]
        for gone in plan.delete:
            del self.objects[gone["kind"], name_of(gone)]
        if plan.status is not None:
            self.body["status"] = plan.status
        return plan

    def publish(self, target: str | None = None, **changes: Any) -> None:
        """The artifact's controller does its part."""
        artifact = self.the("NeuronArtifact", self.wanted_name(target))
        artifact["status"] = copy.deepcopy(PUBLISHED) | changes

    def serve(self) -> None:
        """The Deployment's controller, the kubelet and the autoscaler do theirs."""
        self.the("Deployment")["status"] = dict(AVAILABLE)
        if self.find("HorizontalPodAutoscaler"):
            self.the("HorizontalPodAutoscaler")["status"] = copy.deepcopy(ACTIVE)

    def change(self, **spec: Any) -> None:
        """The user changes the spec."""
        self.body["spec"].update(spec)
        self.body["metadata"]["generation"] += 1

    def condition(self, type_: str) -> Object:
        return next(dict(c) for c in self.status["conditions"] if c["type"] == type_)

    def says(self, type_: str = "Ready") -> tuple[str, str]:
        found = self.condition(type_)
        return found["status"], found["reason"]

    def served_digest(self) -> str:
        container = self.the("Deployment")["spec"]["template"]["spec"]["containers"][0]
        return next(str(v["value"]) for v in container["env"] if v["name"] == "ARTIFACT_DIGEST")


def serving(**spec: Any) -> World:
    """A model that serves."""
    world = World(**spec)
    world.reconcile()
    world.publish()
    world.reconcile()
    world.serve()
    world.reconcile()
    assert world.status["phase"] == "Ready"
    return world


def kinds(plan: Plan) -> list[str]:
    return [change.obj["kind"] for change in plan.apply]
