"""The files of a published artifact are looked at now and then, and healed before a server misses them."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from neuron_operator.api.settings import Settings
from neuron_operator.artifacts.decide import decide
from neuron_operator.artifacts.healing import REST
from neuron_operator.artifacts.status import refused
from neuron_operator.builders.jobs import scrub_job
from neuron_operator.plans.announce import transitions
from neuron_operator.plans.plan import Plan
from neuron_operator.reading.objects import Object, format_time, name_of
from neuron_operator.terms import labels
from neuron_operator.world.kept import Parent, parent_of
from unit.operator.artifact_world import headline, made_job, message, observed, ready_status
from unit.operator.worlds import NOW, SETTINGS, artifact, condition, ended, pod, stored

WEEK = 604800
JOB = "gpt2-0123456789-scrub"
JOB_UID = f"uid-Job-{JOB}"
COMPLETED = datetime.fromisoformat(ready_status()["completedAt"])
DUE = COMPLETED + timedelta(seconds=WEEK)
GONE = {"outcome": "Failed", "reason": "ArtifactMissing", "message": "There is no artifact."}


def look(now: datetime, settings: Settings = SETTINGS, status: Object | None = None, **world: Any) -> Plan:
    said = artifact(status=status or ready_status())
    return decide(said, observed(compile_job=made_job(), **world), settings, now)


def job(**status: Any) -> Object:
    return stored(scrub_job(artifact(status=ready_status()), SETTINGS), **status)


def looked(report: Object | None, code: int = 0) -> Object:
    return pod(owner=JOB_UID, container="scrub", state=ended(code, report))


def test_a_published_artifact_is_looked_at_when_it_is_time_and_stays_ready_meanwhile() -> None:
    before = look(DUE - timedelta(seconds=100))
    assert (before.apply, before.requeue) == ((), 100)
    due = look(DUE)
    assert [name_of(change.obj) for change in due.apply] == [JOB]
    assert headline(due) == ("Ready", "Published")
    going = look(DUE, scrub_job=job())
    assert (going.apply, going.delete, headline(going)) == ((), (), ("Ready", "Published"))


def test_nothing_is_looked_at_where_the_chart_says_never() -> None:
    never = replace(SETTINGS, storage=replace(SETTINGS.storage, scrub_seconds=0))
    for seconds in range(0, WEEK, WEEK // 20):
        plan = look(DUE + timedelta(seconds=seconds), never)
        assert (plan.apply, plan.requeue) == ((), None)


@pytest.mark.parametrize("phase", ["Failed", "Compiling", "Pending", "Collecting"])
def test_what_is_not_ready_is_not_looked_at(phase: str) -> None:
    plan = look(DUE, status=ready_status(phase=phase))
    assert JOB not in [name_of(change.obj) for change in plan.apply]


def test_files_that_are_whole_are_looked_at_again_after_as_long() -> None:
    plan = look(DUE, scrub_job=job(), scrub_pods=[looked({"outcome": "Whole"})])
    assert headline(plan) == ("Ready", "Published")
    assert [name_of(gone) for gone in plan.delete] == [JOB]
    assert plan.status is not None
    assert plan.status["scrubbedAt"] == format_time(DUE)
    assert transitions(ready_status(), plan.status) == []
    again = look(DUE + timedelta(seconds=10), status=plan.status)
    assert (again.apply, again.requeue) == ((), WEEK - 10)


@pytest.mark.parametrize("reason", ["ArtifactMissing", "ArtifactCorrupt"])
def test_lost_or_damaged_files_are_compiled_again_with_an_event(reason: str) -> None:
    plan = look(DUE, scrub_job=job(), scrub_pods=[looked({**GONE, "reason": reason}, 10)])
    assert headline(plan) == ("Compiling", "Retrying")
    assert "because a scrub says: There is no artifact." in message(plan)
    assert {name_of(gone) for gone in plan.delete} == {JOB, "gpt2-0123456789-compile"}
    assert plan.status is not None
    assert plan.status["healedAt"] == plan.status["scrubbedAt"] == format_time(DUE)
    assert [said.reason.value for said in transitions(ready_status(), plan.status)] == ["Retrying"]
    anew = decide(artifact(status=plan.status), observed(), SETTINGS, DUE)
    assert [name_of(change.obj) for change in anew.apply] == ["gpt2-0123456789-compile"]


def test_files_that_were_healed_a_short_time_ago_are_not_compiled_again() -> None:
    status = ready_status(healedAt=format_time(DUE - REST / 2))
    plan = look(DUE, status=status, scrub_job=job(), scrub_pods=[looked(GONE, 10)])
    assert headline(plan) == ("Ready", "Published")


@pytest.mark.parametrize(
    "pods",
    [
        [looked({"outcome": "Failed", "reason": "StorageUnwritable", "message": "EIO"}, 11)],
        [looked(None, 2)],
        [looked(None, 137)],
        [],
    ],
)
def test_what_could_not_be_read_is_no_damage(pods: list[Object]) -> None:
    over = job(conditions=[condition("Failed")])
    plan = look(DUE, scrub_job=over, scrub_pods=pods)
    assert headline(plan) == ("Ready", "Published")
    assert [name_of(gone) for gone in plan.delete] == [JOB]


def test_another_artifacts_pod_says_nothing_of_this_one() -> None:
    other = pod(owner="uid-other", container="scrub", state=ended(10, GONE))
    assert look(DUE, scrub_job=job(), scrub_pods=[other]).delete == ()


def test_after_a_long_absence_artifacts_are_looked_at_one_after_the_other() -> None:
    late = DUE + timedelta(days=100)
    due = 0
    for number in range(200):
        digest = f"{number * 21474836:08x}" + "0" * 24
        plan = look(late, status=ready_status(digest=digest))
        due += bool(plan.apply)
        if not plan.apply:
            assert plan.requeue is not None
            then = look(late + timedelta(seconds=plan.requeue), status=ready_status(digest=digest))
            assert [name_of(change.obj) for change in then.apply] == [JOB]
    assert due < 50


def test_a_look_that_is_refused_takes_nothing_from_a_published_artifact() -> None:
    said = ready_status()
    assert refused(artifact(status=said), said, "a quota", NOW) == said
    broken = artifact(status=said, compile={"podTemplate": {"spec": {"hostNetwork": True}}})
    assert decide(broken, observed(compile_job=made_job()), SETTINGS, DUE).refusal is None


def test_who_removes_the_files_waits_for_no_look() -> None:
    plan = look(DUE, status=ready_status(phase="Collecting"), scrub_job=job())
    assert JOB in [name_of(gone) for gone in plan.delete]


def test_the_look_can_write_nothing_and_needs_no_accelerator() -> None:
    of_inf2 = artifact(target="inf2", image="example.org/compiler:1-neuronx", status=ready_status())
    for made in (scrub_job(artifact(status=ready_status()), SETTINGS), scrub_job(of_inf2, SETTINGS)):
        template = made["spec"]["template"]
        (container,) = template["spec"]["containers"]
        store = next(each for each in container["volumeMounts"] if each["mountPath"] == "/artifacts")
        assert (store["readOnly"], store["subPath"]) == (True, "team")
        assert not [name for name in container["resources"]["limits"] if name.startswith("aws.amazon.com/")]
        assert "nodeSelector" not in template["spec"]
        pod_ = {"metadata": {**template["metadata"], "namespace": "team", "name": "x"}}
        assert parent_of(pod_) == Parent("NeuronArtifact", made["metadata"]["labels"][labels.ARTIFACT])


def test_servers_whose_part_of_the_volume_is_gone_have_it_compiled_again() -> None:
    said = 'failed to prepare subPath for volumeMount "artifacts" of container "server"'
    waiting = {"waiting": {"reason": "CreateContainerConfigError", "message": said}}
    server = pod(owner="uid-replicas", container="server", state=waiting, ready=False)
    plan = look(NOW + timedelta(minutes=5), servers=[server])
    assert headline(plan) == ("Compiling", "Retrying")
    assert "The volume shows no part of this namespace any more" in message(plan)
