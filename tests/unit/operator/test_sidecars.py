"""A container that a mesh injects into a Job's pod, and that never ends, keeps nobody waiting."""

from typing import Any

import pytest
from neuron_operator.artifacts.decide import decide
from neuron_operator.artifacts.outcome import SIDECAR_SECONDS
from neuron_operator.builders.jobs import collect_job
from neuron_operator.plans.plan import Plan
from neuron_operator.reading.objects import Object, name_of
from unit.operator.artifact_world import JOB_UID, expired, headline, made_job, message, observed, ready_status
from unit.operator.worlds import NOW, REPORT, SETTINGS, artifact, at, ended, pod, stored

GONE_FOR_GOOD = {"outcome": "Failed", "reason": "RevisionNotFound", "message": "There is no such revision."}
UNREACHABLE = {"outcome": "Failed", "reason": "SourceUnreachable", "message": "The hub does not answer."}
LATER = at(SIDECAR_SECONDS)


def held(state: Object, owner: str = JOB_UID, container: str = "compile") -> Object:
    """A pod whose own work has ended just now, beside a container that runs on."""
    found = pod(owner=owner, container=container, state=state)
    found["status"]["phase"] = "Running"
    found["status"]["containerStatuses"].append({"name": "istio-proxy", "state": {"running": {}}})
    return found


def look(status: Object | None, state: Object, now: Any) -> Plan:
    world = observed(compile_job=made_job(), compile_pods=[held(state)])
    return decide(artifact(status=status), world, SETTINGS, now)


def deleted(plan: Plan) -> list[str]:
    return [name_of(job) for job in plan.delete]


def test_what_was_published_beside_it_is_ready_at_once_and_its_job_is_let_go_after_a_moment() -> None:
    done = ended(0, REPORT, "Completed")
    first = look(None, done, NOW)
    assert headline(first) == ("Ready", "Published")
    assert deleted(first) == []
    waiting = look(first.status, done, at(1))
    assert (deleted(waiting), waiting.requeue) == ([], SIDECAR_SECONDS - 1)
    over = look(first.status, done, LATER)
    assert deleted(over) == ["gpt2-0123456789-compile"]
    assert headline(over) == ("Ready", "Published")


def test_a_failure_beside_it_is_waited_for_a_moment_then_said_then_its_job_is_let_go() -> None:
    failed = ended(10, GONE_FOR_GOOD)
    assert look(None, failed, at(1)).requeue == SIDECAR_SECONDS - 1
    first = look(None, failed, LATER)
    assert headline(first) == ("Failed", "RevisionNotFound")
    assert "its container istio-proxy runs on" in message(first)
    assert deleted(first) == []
    second = look(first.status, failed, LATER)
    assert deleted(second) == ["gpt2-0123456789-compile"]
    after = decide(artifact(status=second.status), observed(), SETTINGS, LATER)
    assert (headline(after), message(after)) == (headline(first), message(first))
    assert not after.writes_children


def test_a_failure_that_may_heal_is_tried_again() -> None:
    plan = look(None, ended(11, UNREACHABLE), LATER)
    assert headline(plan) == ("Compiling", "Retrying")
    assert "The hub does not answer." in message(plan)
    assert deleted(plan) == ["gpt2-0123456789-compile"]


def test_a_pod_that_only_takes_its_time_to_end_is_left_alone() -> None:
    done = pod(owner=JOB_UID, state=ended(0, REPORT, "Completed"))
    world = observed(compile_job=made_job(), compile_pods=[done])
    assert deleted(decide(artifact(status=ready_status()), world, SETTINGS, LATER)) == []


@pytest.mark.parametrize(("exit_code", "over"), [(0, True), (1, False)])
def test_files_are_removed_once_their_own_container_has_ended_well(exit_code: int, over: bool) -> None:
    begun = decide(artifact(status=expired(), ttlSeconds=60), observed(users=[]), SETTINGS, NOW)
    collecting = artifact(status=begun.status, ttlSeconds=60)
    job = stored(collect_job(collecting, SETTINGS))
    left = held(ended(exit_code), job["metadata"]["uid"], "collect")
    world = observed(users=[], collect_job=job, collect_pods=[left])
    plan = decide(collecting, world, SETTINGS, NOW)
    assert (deleted(plan) == ["gpt2-0123456789"]) is over
