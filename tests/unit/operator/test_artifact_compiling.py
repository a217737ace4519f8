"""What a NeuronArtifact does for being compiled: its Job, while all goes well."""

from neuron_operator.api.artifact import parse_artifact
from neuron_operator.artifacts.decide import decide
from neuron_operator.artifacts.status import MOST_USERS
from neuron_operator.builders.jobs import compile_job
from neuron_operator.plans.plan import merge_patch
from neuron_operator.reading.objects import format_time
from unit.operator.artifact_world import (
    JOB_UID,
    UNSCHEDULABLE,
    artifact_of,
    headline,
    made_job,
    message,
    observed,
    ready_status,
)
from unit.operator.worlds import (
    NOW,
    PARITY,
    REPORT,
    SETTINGS,
    UPGRADED,
    artifact,
    artifact_body,
    at,
    ended,
    pod,
)


def test_a_new_artifact_gets_one_compile_job() -> None:
    plan = decide(artifact(), observed(), SETTINGS, NOW)
    assert [change.obj for change in plan.apply] == [compile_job(artifact(), SETTINGS)]
    assert headline(plan) == ("Compiling", "Compiling")
    assert plan.status is not None
    assert (plan.status["users"], plan.status["userCount"]) == (["gpt2"], 1)


def test_of_many_users_a_hundred_are_named_and_all_are_counted() -> None:
    plan = decide(artifact(), observed(users=[f"model-{n:05}" for n in range(10_000)]), SETTINGS, NOW)
    assert plan.status is not None
    assert (len(plan.status["users"]), plan.status["userCount"]) == (MOST_USERS, 10_000)


def test_a_target_without_a_configured_image_is_said_and_compiled_once_there_is_one() -> None:
    plan = decide(artifact(target="inf1", image=""), observed(), SETTINGS, NOW)
    assert plan.apply == ()
    assert headline(plan) == ("Failed", "ImageNotConfigured")
    assert "images.compiler.neuron" in message(plan)
    configured = artifact(target="inf1", image="example.org/compiler:1-neuron", status=plan.status)
    assert len(decide(configured, observed(), SETTINGS, NOW).apply) == 1


def test_while_the_job_runs_nothing_is_written_but_that_files_may_exist() -> None:
    first = decide(artifact(), observed(), SETTINGS, NOW)
    running = observed(
        compile_job=made_job(active=1), compile_pods=[pod(owner=JOB_UID, state={"running": {}})]
    )
    started = decide(artifact(status=first.status), running, SETTINGS, at(10))
    assert merge_patch(first.status or {}, started.status or {}) == {"filesMayExist": True}
    plan = decide(artifact(status=started.status), running, SETTINGS, at(600))
    assert not plan.writes_children
    assert plan.status == started.status


def test_the_result_is_taken_from_the_pod_before_the_job_says_it_is_complete() -> None:
    done = pod(owner=JOB_UID, state=ended(0, REPORT, "Completed"))
    plan = decide(artifact(), observed(compile_job=made_job(active=1), compile_pods=[done]), SETTINGS, NOW)
    assert headline(plan) == ("Ready", "Published")
    assert plan.status is not None
    assert plan.status["size"] == "522.7 MiB"
    assert plan.status["revision"] == REPORT["revision"]
    assert plan.status["parity"] == PARITY
    assert plan.status["completedAt"] == format_time(NOW)


def test_a_result_is_as_old_as_the_end_of_its_job_however_often_it_is_looked_at() -> None:
    report = {**REPORT, "parity": None}
    end = ended(0, report, "Completed")
    end["terminated"]["finishedAt"] = format_time(at(-60))
    world = observed(compile_job=made_job(), compile_pods=[pod(owner=JOB_UID, state=end)])
    first = decide(artifact(), world, SETTINGS, NOW)
    assert first.status is not None
    assert (first.status["phase"], first.status["completedAt"]) == ("Failed", format_time(at(-60)))
    assert decide(artifact(status=first.status), world, SETTINGS, at(5)).status == first.status


def test_what_of_a_model_is_not_applied_stands_in_the_condition() -> None:
    report = {**REPORT, "notApplied": ["There is no tokenizer."]}
    done = [pod(owner=JOB_UID, state=ended(0, report))]
    plan = decide(artifact(), observed(compile_job=made_job(), compile_pods=done), SETTINGS, NOW)
    assert message(plan).endswith("Not applied: There is no tokenizer.")


def test_a_published_artifact_is_left_alone_even_without_its_job() -> None:
    status = ready_status()
    plan = decide(artifact(status=status), observed(), SETTINGS, at(86400))
    assert not plan.writes_children
    assert plan.status == status


def test_a_published_artifact_is_not_compiled_again_for_other_resources() -> None:
    changed = artifact(status=ready_status(), compile={"resources": {"limits": {"memory": "64Gi"}}})
    plan = decide(changed, observed(compile_job=made_job()), SETTINGS, NOW)
    assert not plan.writes_children


def test_a_job_that_waits_for_a_node_is_replaced_when_the_spec_changes_but_a_running_one_is_not() -> None:
    smaller = artifact(compile={"resources": {"requests": {"cpu": "100m"}}})
    job = made_job()
    waiting = observed(compile_job=job, compile_pods=[pod(owner=JOB_UID, conditions=(UNSCHEDULABLE,))])
    assert list(decide(smaller, waiting, SETTINGS, NOW).delete) == [job]
    running = observed(compile_job=job, compile_pods=[pod(owner=JOB_UID, state={"running": {}})])
    assert not decide(smaller, running, SETTINGS, NOW).writes_children


def test_a_job_of_an_earlier_artifact_of_the_same_name_is_removed_first() -> None:
    job = made_job()
    job["metadata"]["ownerReferences"][0]["uid"] = "uid-of-the-past"
    plan = decide(artifact(), observed(compile_job=job), SETTINGS, NOW)
    assert list(plan.delete) == [job]
    assert plan.apply == ()


def test_a_published_artifact_keeps_its_digest_when_the_default_toolchain_changes() -> None:
    body = artifact_body(status=ready_status())
    del body["spec"]["toolchain"]
    assert artifact_of(body).digest == ready_status()["digest"]
    assert parse_artifact(body, UPGRADED).digest == ready_status()["digest"]
