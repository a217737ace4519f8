"""What a NeuronArtifact says of a Job that waits or has failed, and what it does next."""

from datetime import timedelta
from typing import Any

import pytest
from neuron_operator.artifacts.decide import decide
from neuron_operator.artifacts.history import FIRST_REST_SECONDS
from neuron_operator.artifacts.status import refused
from neuron_operator.plans.plan import Plan
from neuron_operator.reading.objects import Object, name_of
from neuron_operator.terms.reasons import RETRY
from unit.operator.artifact_world import (
    JOB_UID,
    UNSCHEDULABLE,
    expired,
    failed_job,
    headline,
    made_job,
    message,
    observed,
)
from unit.operator.worlds import NOW, PARITY, SETTINGS, artifact, at, condition, ended, pod

# Reasons of a Job's condition Failed.
AT_ONCE, TOO_OFTEN = "PodFailurePolicy", "BackoffLimitExceeded"


def test_a_failed_pod_with_attempts_left_is_not_a_failed_artifact() -> None:
    report = {"outcome": "Failed", "reason": "SourceUnreachable", "message": "The hub does not answer."}
    lost = pod(owner=JOB_UID, state=ended(11, report))
    plan = decide(artifact(), observed(compile_job=made_job(failed=1), compile_pods=[lost]), SETTINGS, NOW)
    assert headline(plan) == ("Compiling", "SourceUnreachable")
    assert message(plan) == "The hub does not answer. It is being tried again."
    assert not plan.writes_children


@pytest.mark.parametrize("exit_code", [10, 137])
def test_a_pod_that_has_no_successor_is_left_for_the_job_to_tell(exit_code: int) -> None:
    last = pod(owner=JOB_UID, state=ended(exit_code, {"reason": "SourceNotFound", "message": "x"}))
    plan = decide(artifact(), observed(compile_job=made_job(), compile_pods=[last]), SETTINGS, NOW)
    assert headline(plan) == ("Compiling", "Compiling")


def test_the_last_attempt_is_left_for_the_job_to_tell() -> None:
    tired = [
        pod(owner=JOB_UID, name=f"pod-{n}", state=ended(11, {"reason": "SourceUnreachable", "message": "x"}))
        for n in range(3)
    ]
    plan = decide(artifact(), observed(compile_job=made_job(), compile_pods=tired), SETTINGS, NOW)
    assert headline(plan) == ("Compiling", "Compiling")


def test_the_schedulers_words_are_cut_to_the_cause() -> None:
    said = (
        "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, "
        "preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."
    )
    waiting = pod(
        owner=JOB_UID, conditions=(condition("PodScheduled", "False", "Unschedulable", said, age=60),)
    )
    plan = decide(artifact(), observed(compile_job=made_job(), compile_pods=[waiting]), SETTINGS, NOW)
    assert message(plan) == (
        "No node takes the pod: 0/1 nodes are available: 1 Insufficient cpu. "
        "Add a node that fits, or ask for less in the resources, node selector or tolerations."
    )


def test_an_empty_ending_of_the_scheduler_is_cut_off() -> None:
    said = '0/2 nodes are available: persistentvolumeclaim "efs" not found. not found'
    waiting = pod(
        owner=JOB_UID, conditions=(condition("PodScheduled", "False", "Unschedulable", said, age=60),)
    )
    plan = decide(artifact(), observed(compile_job=made_job(), compile_pods=[waiting]), SETTINGS, NOW)
    assert message(plan).startswith(
        'No node takes the pod: 0/2 nodes are available: persistentvolumeclaim "efs" not found. Create'
    )


def test_a_successor_of_a_failed_pod_clears_its_reason() -> None:
    pods = [
        pod(owner=JOB_UID, state=ended(11, {"reason": "SourceUnreachable", "message": "x"})),
        pod(owner=JOB_UID, name="pod-1", state={"running": {}}),
    ]
    plan = decide(artifact(), observed(compile_job=made_job(), compile_pods=pods), SETTINGS, NOW)
    assert headline(plan) == ("Compiling", "Compiling")


@pytest.mark.parametrize(
    ("told", "reason", "words"),
    [
        ({"conditions": (UNSCHEDULABLE,)}, "Unschedulable", "Insufficient cpu"),
        (
            {
                "conditions": (
                    condition(
                        "PodScheduled", "False", "Unschedulable", 'persistentvolumeclaim "x" not found'
                    ),
                )
            },
            "ClaimNotFound",
            '"x"',
        ),
        (
            {
                "conditions": (
                    condition(
                        "PodScheduled",
                        "False",
                        "Unschedulable",
                        "pod has unbound immediate PersistentVolumeClaims",
                    ),
                )
            },
            "StorageNotBound",
            "storage class",
        ),
        (
            {"state": {"waiting": {"reason": "ErrImagePull", "message": "not found"}}},
            "ImagePullFailed",
            "example.org/image:1",
        ),
        (
            {
                "state": {
                    "waiting": {"reason": "CreateContainerConfigError", "message": 'secret "hub" not found'}
                }
            },
            "SecretNotFound",
            '"hub"',
        ),
        (
            {
                "state": {
                    "waiting": {
                        "reason": "CreateContainerConfigError",
                        "message": "couldn't find key proxy in ConfigMap team/secretive",
                    }
                }
            },
            "ConfigMapNotFound",
            "team/secretive",
        ),
        (
            {"state": {"waiting": {"reason": "CreateContainerError", "message": "no such file"}}},
            "ContainerNotStarted",
            "no such file",
        ),
    ],
)
def test_what_keeps_the_pod_from_starting_is_said(told: dict[str, Any], reason: str, words: str) -> None:
    waiting = pod(owner=JOB_UID, **told)
    plan = decide(artifact(), observed(compile_job=made_job(), compile_pods=[waiting]), SETTINGS, NOW)
    assert headline(plan) == ("Pending", reason)
    assert words in message(plan)
    assert not plan.writes_children


def test_trying_and_waiting_for_an_image_say_the_same() -> None:
    said = set()
    for kind, text in (
        ("ErrImagePull", 'failed to resolve "x": not found'),
        ("ImagePullBackOff", 'Back-off pulling image "x": ErrImagePull: failed to resolve "x": not found'),
    ):
        waiting = pod(owner=JOB_UID, state={"waiting": {"reason": kind, "message": text}})
        world = observed(compile_job=made_job(), compile_pods=[waiting])
        said.add(message(decide(artifact(), world, SETTINGS, NOW)))
    assert len(said) == 1


@pytest.mark.parametrize(
    ("why", "state", "reason", "words"),
    [
        (
            AT_ONCE,
            ended(10, {"reason": "RevisionNotFound", "message": "No such repository. Correct it."}),
            "RevisionNotFound",
            "No such repository",
        ),
        (TOO_OFTEN, ended(139), "CompilerCrashed", "139"),
        (AT_ONCE, ended(10, {"reason": "NeverHeardOf", "message": "Odd."}), "CompilerCrashed", "Odd."),
        (
            AT_ONCE,
            ended(10, {"reason": "SequenceTooLong"}),
            "SequenceTooLong",
            "spec.compile.sequenceLengths",
        ),
    ],
)
def test_a_failed_job_ends_in_the_reason_of_its_last_pod(
    why: str, state: Object, reason: str, words: str
) -> None:
    pods = [
        pod(owner=JOB_UID, state=ended(11, {"reason": "SourceUnreachable", "message": "x"})),
        pod(owner=JOB_UID, name="pod-1", state=state),
    ]
    plan = decide(artifact(), observed(compile_job=failed_job(reason=why), compile_pods=pods), SETTINGS, NOW)
    assert headline(plan) == ("Failed", reason)
    assert words in message(plan)
    assert not plan.writes_children
    assert plan.requeue is None


@pytest.mark.parametrize("earlier", [[], [ended(11, {"reason": "SourceUnreachable", "message": "x"})]])
def test_a_job_whose_pod_was_removed_before_it_said_why_it_was_stopped_is_tried_again(
    earlier: list[Object],
) -> None:
    pods = [pod(owner=JOB_UID, state=state) for state in earlier]
    plan = decide(artifact(), observed(compile_job=failed_job(), compile_pods=pods), SETTINGS, NOW)
    assert headline(plan) == ("Failed", "CompilerKilled")
    assert "its pod removed before it said why. It is tried again by itself." in message(plan)
    assert plan.requeue is not None


def test_the_measured_parity_of_a_refused_artifact_is_kept() -> None:
    report = {"reason": "ParityFailed", "message": "Too far.", "parity": {**PARITY, "passed": False}}
    pods = [pod(owner=JOB_UID, state=ended(10, report))]
    plan = decide(artifact(), observed(compile_job=failed_job(), compile_pods=pods), SETTINGS, NOW)
    assert plan.status is not None
    assert plan.status["parity"]["passed"] is False


def test_a_step_that_worked_for_too_long_is_a_timeout() -> None:
    report = {"reason": "CompileTimeout", "message": "The step compile worked for longer than 3600 seconds."}
    pods = [pod(owner=JOB_UID, state=ended(10, report))]
    plan = decide(artifact(), observed(compile_job=failed_job(), compile_pods=pods), SETTINGS, NOW)
    assert headline(plan) == ("Failed", "CompileTimeout")
    assert "3600 seconds" in message(plan)


@pytest.mark.parametrize(
    ("waiting", "reason"),
    [
        (
            pod(
                owner=JOB_UID,
                state={"waiting": {"reason": "CreateContainerError", "message": "no such file"}},
            ),
            "ContainerNotStarted",
        ),
        (pod(owner=JOB_UID, conditions=(UNSCHEDULABLE,)), "Unschedulable"),
    ],
)
def test_a_pod_that_waits_to_start_may_wait_for_days(waiting: Any, reason: str) -> None:
    world = observed(compile_job=made_job(), compile_pods=[waiting])
    for days in (0, 30):
        plan = decide(artifact(), world, SETTINGS, NOW + timedelta(days=days))
        assert headline(plan) == ("Pending", reason)
        assert not plan.delete
    at_work = observed(compile_job=made_job(), compile_pods=[pod(owner=JOB_UID, state={"running": {}})])
    started = decide(artifact(status=plan.status), at_work, SETTINGS, NOW)
    assert headline(started) == ("Compiling", "Compiling")


@pytest.mark.parametrize("reason", ["SourceUnreachable", "StorageFull", "StorageUnwritable"])
def test_a_failure_that_may_heal_is_tried_again_after_a_rest(reason: str) -> None:
    pods = [pod(owner=JOB_UID, state=ended(11, {"reason": reason, "message": "No answer."}))]
    job = failed_job(age=10, reason=TOO_OFTEN)
    resting = decide(artifact(), observed(compile_job=job, compile_pods=pods), SETTINGS, NOW)
    assert headline(resting) == ("Failed", reason)
    assert resting.requeue == FIRST_REST_SECONDS - 10
    job = failed_job(age=FIRST_REST_SECONDS, reason=TOO_OFTEN)
    rested = decide(artifact(), observed(compile_job=job, compile_pods=pods), SETTINGS, NOW)
    assert list(rested.delete) == [job]
    assert headline(rested) == ("Compiling", "Retrying")

    left = decide(artifact(status=resting.status), observed(), SETTINGS, NOW)
    assert [name_of(change.obj) for change in left.apply] == ["gpt2-0123456789-compile"]


@pytest.mark.parametrize("reason", ["SourceUnauthorized", "ModelUnreadable"])
@pytest.mark.parametrize("said", ["The compiler's own sentence.", None])
def test_what_is_put_right_outside_the_spec_is_said_to_be_tried_again_when_asked(
    reason: str, said: str | None
) -> None:
    report = {"reason": reason} | ({} if said is None else {"message": said})
    pods = [pod(owner=JOB_UID, state=ended(10, report))]
    plan = decide(artifact(), observed(compile_job=failed_job(), compile_pods=pods), SETTINGS, NOW)
    assert message(plan).startswith(said or "The compiler gave up.")
    assert message(plan).count(RETRY) == 1


def test_a_model_whose_files_come_later_is_compiled_without_anybody_doing_anything() -> None:
    job, pods = (
        failed_job(),
        [pod(owner=JOB_UID, state=ended(10, {"reason": "SourceNotFound", "message": "x"}))],
    )
    resting = decide(artifact(), observed(compile_job=job, compile_pods=pods), SETTINGS, NOW)
    assert headline(resting) == ("Failed", "SourceNotFound")
    assert message(resting).endswith("It is tried again by itself.")
    later = decide(
        artifact(status=resting.status), observed(compile_job=job, compile_pods=pods), SETTINGS, at(7200)
    )
    assert list(later.delete) == [job]
    assert headline(later) == ("Compiling", "Retrying")


def test_more_memory_after_a_failure_replaces_the_job() -> None:
    job = failed_job()
    pods = [pod(owner=JOB_UID, state=ended(137, reason="OOMKilled"))]
    roomier = artifact(compile={"resources": {"limits": {"memory": "64Gi"}}})
    plan = decide(roomier, observed(compile_job=job, compile_pods=pods), SETTINGS, NOW)
    assert list(plan.delete) == [job]
    assert headline(plan) == ("Compiling", "Retrying")


def test_a_failure_whose_job_is_gone_is_final_until_the_spec_changes() -> None:
    pods = [pod(owner=JOB_UID, state=ended(10, {"reason": "ModelUnreadable", "message": "x"}))]
    status = decide(artifact(), observed(compile_job=failed_job(), compile_pods=pods), SETTINGS, NOW).status
    assert not decide(artifact(status=status), observed(), SETTINGS, at(7200)).writes_children
    assert status is not None
    changed = artifact(status={**status, "observedGeneration": 0})
    assert [name_of(c.obj) for c in decide(changed, observed(), SETTINGS, at(7200)).apply] == [
        "gpt2-0123456789-compile"
    ]


def test_a_job_that_the_api_server_refused_is_offered_again() -> None:
    refused = {
        "phase": "Failed",
        "observedGeneration": 1,
        "conditions": [condition("Ready", "False", "SpecRejected", "exceeded quota")],
    }
    assert len(decide(artifact(status=refused), observed(), SETTINGS, NOW).apply) == 1


@pytest.mark.parametrize(
    ("before", "users", "phase"),
    [({}, [], "Failed"), ("expired", [], "Collecting"), ({}, ["gpt2"], "Failed")],
)
def test_a_refused_job_changes_only_the_phase_and_the_condition(
    before: Any, users: list[str], phase: str
) -> None:
    old = artifact(status=expired() if before == "expired" else before, ttlSeconds=60)
    plan = decide(old, observed(users=users), SETTINGS, NOW)
    assert plan.status is not None
    status = refused(old, plan.status, "exceeded quota", NOW)
    assert status["phase"] == phase
    assert (status["conditions"][0]["reason"], status["conditions"][0]["status"]) == ("SpecRejected", "False")
    kept = plan.status.keys() - {"phase", "conditions"}
    assert {key: status[key] for key in kept} == {key: plan.status[key] for key in kept}
    assert ("unusedSince" in status) is (not users)


def test_a_complete_job_whose_pod_is_not_seen_is_given_a_minute_and_then_run_again() -> None:
    def after(age: float) -> Plan:
        job = made_job(conditions=[condition("Complete", age=age)])
        return decide(artifact(), observed(compile_job=job), SETTINGS, NOW)

    assert (after(10).requeue, after(10).delete) == (5.0, ())
    assert [name_of(job) for job in after(61).delete] == ["gpt2-0123456789-compile"]
