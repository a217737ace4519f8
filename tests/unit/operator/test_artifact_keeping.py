"""How long a NeuronArtifact is kept, and how its files are removed."""

from typing import Any

import pytest
from neuron_operator.artifacts.collecting import RETRY_SECONDS
from neuron_operator.artifacts.decide import decide
from neuron_operator.builders.jobs import collect_job
from neuron_operator.plans.plan import Plan
from neuron_operator.reading.objects import format_time, name_of
from unit.operator.artifact_world import (
    JOB_UID,
    artifact_of,
    expired,
    headline,
    made_job,
    observed,
    ready_status,
)
from unit.operator.worlds import NOW, SETTINGS, artifact, artifact_body, at, condition, ended, pod, stored


def test_an_artifact_that_is_being_deleted_is_left_alone() -> None:
    body = artifact_body()
    body["metadata"]["deletionTimestamp"] = format_time(NOW)
    plan = decide(artifact_of(body), observed(body=body), SETTINGS, NOW)
    assert plan == Plan()


def test_an_unused_artifact_says_since_when_and_is_looked_at_when_its_time_is_over() -> None:
    kept = artifact(status=ready_status(), ttlSeconds=3600)
    plan = decide(kept, observed(users=[]), SETTINGS, NOW)
    assert plan.status is not None
    assert plan.status["unusedSince"] == format_time(NOW)
    assert plan.requeue == 3600
    assert not plan.writes_children


def test_an_artifact_that_is_to_be_kept_is_kept_without_users() -> None:
    plan = decide(artifact(status=ready_status(), keep=True, ttlSeconds=0), observed(users=[]), SETTINGS, NOW)
    assert not plan.writes_children
    assert plan.status is not None
    assert "unusedSince" not in plan.status


def test_a_new_user_ends_the_time_of_being_unused() -> None:
    status = ready_status(unusedSince=format_time(at(-60)))
    plan = decide(artifact(status=status), observed(), SETTINGS, NOW)
    assert plan.status is not None
    assert "unusedSince" not in plan.status


def test_after_its_time_the_files_are_removed_and_then_the_artifact() -> None:
    old = artifact(status=expired(), ttlSeconds=60)
    begin = decide(old, observed(users=[]), SETTINGS, NOW)
    assert headline(begin) == ("Collecting", "ArtifactBeingCollected")
    assert not begin.writes_children

    collecting = artifact(status=begin.status, ttlSeconds=60)
    removing = decide(collecting, observed(users=[]), SETTINGS, NOW)
    assert [change.obj for change in removing.apply] == [collect_job(old, SETTINGS)]
    assert removing.status == begin.status
    running = observed(users=[], collect_job=stored(collect_job(old, SETTINGS)))
    assert not decide(collecting, running, SETTINGS, NOW).writes_children

    done = stored(collect_job(old, SETTINGS), conditions=[condition("Complete")])
    body = artifact_body(status=begin.status, ttlSeconds=60)
    end = decide(collecting, observed(body=body, users=[], collect_job=done), SETTINGS, NOW)
    assert end == Plan(delete=(body,))


def test_collecting_goes_on_to_its_end_when_a_user_comes_too_late() -> None:
    begin = decide(artifact(status=expired(), ttlSeconds=60), observed(users=[]), SETTINGS, NOW)
    collecting = artifact(status=begin.status, ttlSeconds=60)
    plan = decide(collecting, observed(users=["late"]), SETTINGS, NOW)
    assert headline(plan)[0] == "Collecting"
    assert [name_of(change.obj) for change in plan.apply] == ["gpt2-0123456789-collect"]


def test_a_compile_that_still_runs_is_stopped_before_files_are_removed() -> None:
    status = {"phase": "Compiling", "unusedSince": format_time(at(-100))}
    job = made_job()
    world = observed(users=[], compile_job=job)
    said = decide(artifact(status=status, ttlSeconds=60), world, SETTINGS, NOW)
    assert (headline(said)[0], said.writes_children) == ("Collecting", False)
    plan = decide(artifact(status=said.status, ttlSeconds=60), world, SETTINGS, NOW)
    assert (list(plan.delete), plan.apply) == ([job], ())


@pytest.mark.parametrize(
    ("told", "phase", "over"),
    [
        ({"state": {"running": {}}}, "Running", False),
        ({}, "Pending", False),
        ({"state": ended(137)}, "Running", True),
        ({}, "Failed", True),
    ],
)
def test_files_are_removed_only_when_no_compile_pod_writes_any_more(
    told: dict[str, Any], phase: str, over: bool
) -> None:
    left = pod(owner=JOB_UID, **told)
    left["status"]["phase"] = phase
    collecting = artifact(status=ready_status(phase="Collecting"))
    plan = decide(collecting, observed(users=[], compile_pods=[left]), SETTINGS, NOW)
    assert headline(plan)[0] == "Collecting"
    assert len(plan.apply) == (1 if over else 0)
    assert plan.requeue == (None if over else 5.0)


def test_an_artifact_that_never_started_is_deleted_without_a_job() -> None:
    status = {"phase": "Pending", "unusedSince": format_time(at(-100))}
    body = artifact_body(status=status, ttlSeconds=60)
    plan = decide(artifact(status=status, ttlSeconds=60), observed(body=body, users=[]), SETTINGS, NOW)
    assert plan == Plan(delete=(body,))


@pytest.mark.parametrize(
    "known",
    [
        {"filesMayExist": True},
        {"verification": "Needed"},
        {"completedAt": "2026-01-01T11:00:00Z"},
    ],
)
def test_an_artifact_that_waits_again_after_its_compile_has_its_files_removed(known: dict[str, Any]) -> None:
    status = {"phase": "Pending", "unusedSince": format_time(at(-100)), **known}
    plan = decide(artifact(status=status, ttlSeconds=60), observed(users=[]), SETTINGS, NOW)
    assert (headline(plan)[0], plan.delete) == ("Collecting", ())


@pytest.mark.parametrize(
    ("state", "ran"),
    [
        ({"waiting": {"reason": "ImagePullBackOff"}}, False),
        ({"running": {}}, True),
        (ended(137), True),
    ],
)
def test_that_files_may_exist_is_said_as_soon_as_a_container_has_run(
    state: dict[str, Any], ran: bool
) -> None:
    begun = observed(compile_job=made_job(), compile_pods=[pod(owner=JOB_UID, state=state)])
    said = decide(artifact(), begun, SETTINGS, NOW).status
    assert said is not None
    assert said.get("filesMayExist", False) is ran
    waiting = observed(compile_job=made_job())
    later = decide(artifact(status=said), waiting, SETTINGS, NOW).status
    assert later is not None
    assert later.get("filesMayExist", False) is ran


def test_a_verification_that_no_node_takes_keeps_the_digest_under_which_the_files_are_stored() -> None:
    status = {"phase": "Pending", "verification": "Needed", "digest": "0" * 32}
    assert artifact(status=status).digest == "0" * 32


def test_a_failed_collect_job_is_said_and_tried_again() -> None:
    begin = decide(artifact(status=expired(), ttlSeconds=60), observed(users=[]), SETTINGS, NOW)
    collecting = artifact(status=begin.status, ttlSeconds=60)

    def after(age: float) -> Plan:
        job = stored(collect_job(collecting, SETTINGS), conditions=[condition("Failed", age=age)])
        return decide(collecting, observed(users=[], collect_job=job), SETTINGS, NOW)

    assert headline(after(10)) == ("Collecting", "CollectFailed")
    assert after(10).requeue == RETRY_SECONDS - 10
    assert [name_of(job) for job in after(RETRY_SECONDS).delete] == ["gpt2-0123456789-collect"]
