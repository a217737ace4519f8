"""What is missing on a cluster is said in one table, and the report names no account."""

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cluster.kubectl import Kubectl
from eks import preflight
from eks.preflight import Check, Found, checks, table
from eks.probe import Probed, outcome, pod
from eks.report import content, markdown

_NEURON: dict[str, Any] = {
    "metadata": {"labels": {"node.kubernetes.io/instance-type": "inf2.xlarge"}},
    "spec": {"taints": [{"key": "aws.amazon.com/neuron", "effect": "NoSchedule"}]},
    "status": {
        "allocatable": {"aws.amazon.com/neuroncore": "2", "ephemeral-storage": "95551679124"},
        "conditions": [{"type": "Ready", "status": "True"}],
    },
}
_ORDINARY: dict[str, Any] = {
    "metadata": {"labels": {"node.kubernetes.io/instance-type": "m6i.large"}},
    "status": {"conditions": [{"type": "Ready", "status": "True"}]},
}
_WHOLE = Found(
    version="v1.34.1-eks-113cf36",
    nodes=(_NEURON, _ORDINARY),
    classes=({"metadata": {"name": "neuron-efs"}, "provisioner": "efs.csi.aws.com"},),
    operators=({"status": {"availableReplicas": 1}},),
    settings={
        "storage": {"storageClassName": "neuron-efs"},
        "images": {"compiler": {"neuronx": "a"}, "triton": {"neuronx": "b"}},
    },
    has_metrics=True,
    probes={
        "neuronx": Probed(
            "inf2.xlarge", versions={"neuron-runtime": "2.33.10.0", "neuron-driver": "2.29.0.0"}
        )
    },
)
REFUSED = Probed("inf2.xlarge", "ImagePullBackOff: no basic auth credentials")
OLD = {"neuron-runtime": "2.33.10.0", "neuron-driver": "2.26.5.0", "mismatch": "needs a newer driver"}


def small(size: str) -> dict[str, Any]:
    node = copy.deepcopy(_NEURON)
    node["status"]["allocatable"]["ephemeral-storage"] = size
    return node


def test_a_whole_cluster_lacks_nothing() -> None:
    assert [check.name for check in checks(_WHOLE, {"inf2"}) if not check.there] == []


@pytest.mark.parametrize(
    ("found", "name"),
    [
        (replace(_WHOLE, operators=({"status": {}},)), "operator"),
        (replace(_WHOLE, nodes=(_NEURON, small("17Gi"), _ORDINARY)), "disk"),
        (replace(_WHOLE, nodes=(_NEURON,)), "ordinary node"),
        (replace(_WHOLE, classes=()), "shared volume"),
        (replace(_WHOLE, has_metrics=False), "metrics API"),
        (replace(_WHOLE, settings={"storage": {"claimName": "own"}}), "images"),
        (replace(_WHOLE, probes={"neuronx": Probed("inf2.xlarge", versions=OLD)}), "driver"),
        (
            replace(_WHOLE, probes={"neuronx": Probed("inf2.xlarge", versions={"neuron-runtime": "2"})}),
            "driver",
        ),
    ],
)
def test_each_thing_that_is_missing_is_said_with_what_to_do(found: Found, name: str) -> None:
    lacking = [check for check in checks(found, {"inf2"}) if not check.there]
    assert [check.name for check in lacking] == [name]
    assert f"MISSING  {name}" in table(lacking)
    assert f"-> {lacking[0].advice}" in table(lacking)


def test_an_image_that_the_node_cannot_pull_is_told_in_the_kubelets_words() -> None:
    lacking = [
        each for each in checks(replace(_WHOLE, probes={"neuronx": REFUSED}), {"inf2"}) if not each.there
    ]
    assert [each.name for each in lacking] == ["image pull", "driver"]
    assert lacking[0].found == "ImagePullBackOff: no basic auth credentials"


def test_a_probe_goes_to_a_node_that_is_for_neuron_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    other = copy.deepcopy(_NEURON)
    other["spec"]["taints"].append({"key": "somebody.else", "effect": "NoSchedule"})
    asked: list[Any] = []
    monkeypatch.setattr(preflight, "probe", lambda kubectl, space, family, node, settings: asked.append(node))
    preflight.probed(
        Kubectl(Path("kubectl"), Path("none")), "here", replace(_WHOLE, nodes=(other, _NEURON)), {"inf2"}
    )
    assert asked == [_NEURON]


def test_each_family_that_the_models_need_is_looked_at() -> None:
    names = [each.name for each in checks(_WHOLE, {"inf1", "trn1", "cpu"})]
    assert names.count("image pull") == 2


WAITING = {"waiting": {"reason": "ErrImagePull", "message": "not found"}}


@pytest.mark.parametrize(
    ("status", "why"),
    [
        ({}, None),
        ({"phase": "Pending", "containerStatuses": [{"state": {"waiting": {"reason": "Creating"}}}]}, None),
        ({"phase": "Pending", "containerStatuses": [{"state": WAITING}]}, "ErrImagePull: not found"),
        ({"phase": "Succeeded", "containerStatuses": [{"state": {"terminated": {}}}]}, ""),
        ({"phase": "Failed", "reason": "OutOfcpu", "message": "Pod was rejected"}, "Pod was rejected"),
    ],
)
def test_a_probe_says_why_it_does_not_run(status: dict[str, Any], why: str | None) -> None:
    assert outcome({"status": status}) == why


def test_a_probe_runs_on_the_node_that_it_is_for_with_the_installations_secrets() -> None:
    spec = pod("p", "here", "registry/compiler@sha256:0", "node-1", ["ecr"])["spec"]
    assert (spec["nodeName"], spec["imagePullSecrets"]) == ("node-1", [{"name": "ecr"}])
    assert spec["tolerations"] == [{"operator": "Exists"}]


def test_models_for_the_cpu_need_nothing_of_neuron() -> None:
    found = replace(_WHOLE, nodes=(_ORDINARY,), settings={"storage": {"claimName": "own"}})
    assert all(check.there for check in checks(found, {"cpu"}))


_MODEL: dict[str, Any] = {"name": "gpt2", "target": "inf2", "wrong": [], "cosine": 0.9999, "status": {}}


@pytest.mark.parametrize(
    ("models", "verdict"),
    [([], "MISSING"), ([_MODEL], "PASS"), ([_MODEL, {**_MODEL, "wrong": ["too far"]}], "WRONG")],
)
def test_the_report_has_a_verdict_and_no_account(models: list[dict[str, Any]], verdict: str) -> None:
    image = Check("images", True, "123456789012.dkr.ecr.eu-west-1.amazonaws.com/compiler")
    found = content([image], models)
    assert found["verdict"] == verdict
    text = markdown(found)
    assert text.startswith(f"# {verdict}\n")
    assert "123456789012" not in text + str(found)
    assert ("WRONG: too far" in text) == (verdict == "WRONG")
