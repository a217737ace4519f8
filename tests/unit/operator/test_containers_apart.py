"""A compile pod's containers run one after the other: which of them speaks for the pod."""

from typing import Any

import pytest
from neuron_contract import steps
from neuron_operator.artifacts.decide import decide
from neuron_operator.reading.objects import Object
from unit.operator.artifact_world import JOB_UID, failed_job, headline, made_job, observed
from unit.operator.worlds import NOW, REPORT, SETTINGS, artifact, ended, pod

WAITING: Object = {"waiting": {"reason": "PodInitializing"}}
DONE = ended(0, {"outcome": "Fetched"}, "Completed")
FORGED = {**REPORT, "manifestSha256": "6" * 64}


def three(fetch: Object, compile_: Object, publish: Object) -> Object:
    """The pod of a compile Job, by the states of its containers."""
    made = pod(owner=JOB_UID, container=steps.PUBLISH, state=publish)
    initial = ((steps.FETCH, fetch), (steps.COMPILE, compile_))
    made["status"]["initContainerStatuses"] = [{"name": name, "state": state} for name, state in initial]
    return made


@pytest.mark.parametrize(
    ("fetch", "compile_", "reason"),
    [
        (ended(10, {"reason": "RevisionNotFound", "message": "x"}), WAITING, "RevisionNotFound"),
        (DONE, ended(10, {"reason": "SequenceTooLong", "message": "x"}), "SequenceTooLong"),
        (DONE, ended(1), "CompilerKilled"),
    ],
    ids=["fetch", "compile", "compile without a word"],
)
def test_the_first_container_that_fails_speaks_for_the_pod(
    fetch: Object, compile_: Object, reason: str
) -> None:
    found = observed(compile_job=failed_job(), compile_pods=[three(fetch, compile_, WAITING)])
    assert headline(decide(artifact(), found, SETTINGS, NOW)) == ("Failed", reason)


@pytest.mark.parametrize("publish", [WAITING, {"running": {}}], ids=["waits", "runs"])
def test_what_a_models_own_container_says_of_an_artifact_is_not_believed(publish: Any) -> None:
    claims = three(DONE, ended(0, FORGED, "Completed"), publish)
    plan = decide(artifact(), observed(compile_job=made_job(), compile_pods=[claims]), SETTINGS, NOW)
    assert headline(plan) == ("Compiling", "Compiling")


def test_the_manifest_is_the_one_that_publishing_reports() -> None:
    claims = three(DONE, ended(0, FORGED, "Completed"), ended(0, REPORT, "Completed"))
    plan = decide(artifact(), observed(compile_job=made_job(), compile_pods=[claims]), SETTINGS, NOW)
    assert headline(plan) == ("Ready", "Published")
    assert plan.status is not None
    assert plan.status["manifestSha256"] == REPORT["manifestSha256"]
