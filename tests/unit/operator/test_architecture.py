"""Pods select nodes of the processor that their image is built for, unless somebody says something of it."""

from dataclasses import replace
from typing import Any

import pytest
from neuron_operator.api.spec import Placement
from neuron_operator.builders.deployments import deployment
from neuron_operator.builders.jobs import collect_job, compile_job
from neuron_operator.builders.pods import ARCHITECTURE
from neuron_operator.builders.templates import Served
from unit.operator.worlds import SETTINGS, artifact, model

AMD64 = replace(SETTINGS, architectures={"cpu": "amd64"})
SERVED = Served("gpt2-0123456789", "0" * 32, "cpu", "neuron-artifacts", "example.org/triton:1")
ELSEWHERE = {
    "nodeAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [
                {"matchExpressions": [{"key": ARCHITECTURE, "operator": "In", "values": ["arm64"]}]}
            ]
        }
    }
}


def selector(**serving: Any) -> Any:
    made = deployment(model(serving=serving), SERVED, AMD64)
    return made["spec"]["template"]["spec"].get("nodeSelector")


@pytest.mark.parametrize(
    ("serving", "expected"),
    [
        ({}, {ARCHITECTURE: "amd64"}),
        ({"nodeSelector": {"pool": "a"}}, {"pool": "a", ARCHITECTURE: "amd64"}),
        ({"nodeSelector": {ARCHITECTURE: "arm64"}}, {ARCHITECTURE: "arm64"}),
        ({"affinity": ELSEWHERE}, None),
    ],
)
def test_servers_do_unless_their_model_says_otherwise(serving: Any, expected: Any) -> None:
    assert selector(**serving) == expected


def test_jobs_do_too_and_where_nothing_is_known_nothing_is_said() -> None:
    for build in (compile_job, collect_job):
        said = [build(artifact(), at)["spec"]["template"]["spec"] for at in (AMD64, SETTINGS)]
        assert said[0]["nodeSelector"] == {ARCHITECTURE: "amd64"}
        assert "nodeSelector" not in said[1]


def test_the_chart_may_say_it_for_a_target() -> None:
    arm = replace(AMD64, placement={"cpu": Placement(node_selector={ARCHITECTURE: "arm64"})})
    pod = compile_job(artifact(), arm)["spec"]["template"]["spec"]
    assert pod["nodeSelector"] == {ARCHITECTURE: "arm64"}
