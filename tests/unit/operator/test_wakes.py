"""Whom a change wakes."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from neuron_operator.models.wanted import candidates
from neuron_operator.reading.objects import Object
from neuron_operator.terms import labels
from neuron_operator.terms.kinds import DEPLOYMENT, JOB, NEURON_ARTIFACT, NEURON_MODEL, NODE, POD
from neuron_operator.world.wakes import PATIENCE_SECONDS, Wake
from neuron_operator.world.world import World
from unit.operator.worlds import NAMESPACE, SETTINGS, artifact_body, model, model_body

WANTED = candidates(model(), SETTINGS)["cpu"].wanted.name


class Woken:
    """A world in which versions count themselves, and whom it has woken."""

    def __init__(self) -> None:
        self.wakes: dict[str, float] = {}
        self.world = World(SETTINGS, self._wake)
        self.version = 0

    def _wake(self, wake: Wake) -> None:
        self.wakes[wake.key.name] = min(wake.patience, self.wakes.get(wake.key.name, wake.patience))

    def show(self, kind: Any, body: Object) -> set[str]:
        """Whom the object wakes."""
        self.version += 1
        body = {**body, "metadata": {**body["metadata"], "resourceVersion": str(self.version)}}
        self.wakes.clear()
        self.world.show(kind, body)
        return set(self.wakes)

    def hide(self, kind: Any, body: Object) -> set[str]:
        """Whom the end of the object wakes."""
        self.version += 1
        self.wakes.clear()
        self.world.hide(
            kind, {**body, "metadata": {**body["metadata"], "resourceVersion": str(self.version)}}
        )
        return set(self.wakes)


@pytest.fixture
def woken() -> Woken:
    return Woken()


def old(name: str, hour: int) -> Object:
    return model_body(name, created=f"2026-01-01T{hour:02}:00:00Z")


def crowd(woken: Woken) -> Iterable[Object]:
    models = [old("first", 1), old("second", 2), old("third", 3)]
    for body in models:
        woken.show(NEURON_MODEL, body)
    return models


def test_a_model_wakes_itself_and_the_artifact_that_counts_it(woken: Woken) -> None:
    assert woken.show(NEURON_MODEL, old("first", 1)) == {"first", WANTED}
    assert woken.show(NEURON_MODEL, old("second", 2)) == {"second", WANTED}


def test_a_status_that_changes_nothing_of_what_is_used_wakes_the_model_alone(woken: Woken) -> None:
    woken.show(NEURON_MODEL, old("first", 1))
    assert woken.show(NEURON_MODEL, {**old("first", 1), "status": {"phase": "Pending"}}) == {"first"}


def test_the_others_are_woken_when_the_oldest_comes_or_goes_and_by_nobody_else(woken: Woken) -> None:
    first, second, _ = crowd(woken)
    assert woken.hide(NEURON_MODEL, second) == {"second", WANTED}
    assert woken.hide(NEURON_MODEL, first) == {"first", "third", WANTED}
    assert woken.show(NEURON_MODEL, first | {"metadata": first["metadata"] | {"uid": "again"}}) == {
        *("first", "third", WANTED)
    }


def test_an_artifact_wakes_its_users_for_what_they_read_and_not_for_their_own_number(woken: Woken) -> None:
    crowd(woken)
    body = artifact_body(status={"phase": "Compiling"})
    body["metadata"]["name"] = WANTED
    everybody = {WANTED, "first", "second", "third"}
    assert woken.show(NEURON_ARTIFACT, body) == everybody
    counted = {**body, "status": {"phase": "Compiling", "users": ["first"], "userCount": 1}}
    assert woken.show(NEURON_ARTIFACT, counted) == {WANTED}
    assert woken.show(NEURON_ARTIFACT, {**counted, "status": {"phase": "Ready"}}) == everybody
    assert woken.hide(NEURON_ARTIFACT, body) == everybody


def test_a_server_wakes_its_model_and_the_artifact_it_has_loaded(woken: Woken) -> None:
    said = {labels.COMPONENT: labels.SERVER, labels.MODEL: "first", labels.ARTIFACT: WANTED}
    pod: Object = {"metadata": {"name": "p", "namespace": NAMESPACE, "uid": "p", "labels": said}}
    assert woken.show(POD, pod) == {"first", WANTED}
    assert woken.show(POD, {**pod, "status": {"podIP": "10.0.0.1"}}) == set()
    assert woken.show(POD, {**pod, "status": {"phase": "Failed"}}) == {"first", WANTED}


def test_a_node_wakes_models_that_may_fall_back_and_only_when_what_it_offers_has_changed(
    woken: Woken,
) -> None:
    node: Object = {"metadata": {"name": "node-1", "uid": "uid-node-1"}, "status": {}}
    for name, fallback in (("flexible", "CPU"), ("strict", "Never")):
        woken.show(NEURON_MODEL, model_body(name, target="inf2", fallback=fallback))
    assert woken.show(NODE, node) == set()
    node["status"] = {"allocatable": {"aws.amazon.com/neuroncore": "2"}}
    assert woken.show(NODE, node) == {"flexible"}
    heartbeat = {**node, "status": node["status"] | {"conditions": [{"type": "Ready"}]}}
    assert woken.show(NODE, heartbeat) == set()
    assert woken.hide(NODE, node) == {"flexible"}


def test_a_node_that_is_cordoned_wakes_the_models_that_it_serves(woken: Woken) -> None:
    said = {labels.COMPONENT: labels.SERVER, labels.MODEL: "first", labels.ARTIFACT: WANTED}
    pod: Object = {"metadata": {"name": "p", "namespace": NAMESPACE, "uid": "p", "labels": said}}
    woken.show(POD, {**pod, "spec": {"nodeName": "node-1"}})
    node: Object = {"metadata": {"name": "node-1", "uid": "n"}, "spec": {"unschedulable": True}}
    assert woken.show(NODE, {**node, "spec": {}}) == set()
    assert woken.show(NODE, node) == {"first"}
    assert woken.show(NODE, {**node, "status": {"conditions": [{"type": "Ready"}]}}) == set()
    assert woken.show(NODE, {**node, "metadata": {"name": "node-2", "uid": "o"}}) == set()
    assert woken.show(NODE, {**node, "spec": {}}) == {"first"}
    taint = {"key": "karpenter.sh/disrupted", "effect": "NoSchedule"}
    assert woken.show(NODE, {**node, "spec": {"taints": [{"key": "team", "effect": "NoSchedule"}]}}) == set()
    assert woken.show(NODE, {**node, "spec": {"taints": [taint]}}) == {"first"}
    assert woken.show(NODE, node) == set(), "a node that leaves is cordoned, whoever says so"


def test_nodes_are_not_kept_where_no_fallback_is_allowed() -> None:
    world = World(replace(SETTINGS, fallback_allowed=False), lambda _: None)
    offer = {"allocatable": {"aws.amazon.com/neuroncore": "2"}}
    world.show(NODE, {"metadata": {"name": "n", "uid": "n", "resourceVersion": "1"}, "status": offer})
    assert list(world.stores.nodes.values()) == []


def server_pod(**status: Any) -> Object:
    said = {labels.COMPONENT: labels.SERVER, labels.MODEL: "first", labels.ARTIFACT: WANTED}
    metadata = {"name": "p", "namespace": NAMESPACE, "uid": "p", "labels": said}
    return {"metadata": metadata, "status": status}


def test_what_somebody_asks_for_or_takes_away_is_looked_at_at_once(woken: Woken) -> None:
    woken.show(NEURON_MODEL, old("first", 1))
    assert woken.wakes["first"] == 0
    woken.show(NEURON_MODEL, {**old("first", 1), "spec": {**old("first", 1)["spec"], "replicas": 2}})
    assert woken.wakes["first"] == 0
    artifact = {**artifact_body(), "metadata": {**artifact_body()["metadata"], "name": WANTED}}
    woken.show(NEURON_ARTIFACT, artifact)
    woken.show(NEURON_ARTIFACT, {**artifact, "status": {"phase": "Ready"}})
    assert woken.wakes == {WANTED: 0, "first": 0}
    woken.show(DEPLOYMENT, child("Deployment", "first"))
    woken.hide(DEPLOYMENT, child("Deployment", "first"))
    assert woken.wakes == {"first": 0}
    woken.hide(NEURON_MODEL, old("first", 1))
    assert woken.wakes["first"] == 0


def test_what_controllers_write_one_after_the_other_waits_for_the_rest(woken: Woken) -> None:
    woken.show(NEURON_MODEL, old("first", 1))
    woken.show(NEURON_MODEL, {**old("first", 1), "status": {"phase": "Deploying"}})
    assert woken.wakes == {"first": PATIENCE_SECONDS}
    woken.show(POD, server_pod())
    assert woken.wakes == {"first": PATIENCE_SECONDS, WANTED: PATIENCE_SECONDS}
    woken.show(DEPLOYMENT, child("Deployment", "first", replicas=1))
    assert woken.wakes == {"first": PATIENCE_SECONDS}


def test_what_a_job_has_come_to_is_looked_at_at_once(woken: Woken) -> None:
    job = child("Job", WANTED, kind="NeuronArtifact")
    for status in ({}, {"active": 1}, {"succeeded": 1}):
        woken.show(JOB, {**job, "status": status})
        assert woken.wakes == {WANTED: 0}


def child(kind_of_child: str, name: str, kind: str = "NeuronModel", **status: Any) -> Object:
    owner = {"kind": kind, "name": name, "uid": "uid-owner", "controller": True}
    metadata = {
        "name": name,
        "namespace": NAMESPACE,
        "uid": f"uid-{kind_of_child}",
        "ownerReferences": [owner],
    }
    return {"kind": kind_of_child, "metadata": metadata, "spec": {}, "status": status}
