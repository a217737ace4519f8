"""Published files that a server finds lost or damaged are compiled again: once, and by themselves."""

from datetime import timedelta

import pytest
from neuron_operator.artifacts.decide import decide
from neuron_operator.artifacts.healing import REST
from neuron_operator.plans.announce import transitions
from neuron_operator.reading.objects import Object, format_time, name_of
from unit.operator.artifact_world import JOB_UID, headline, made_job, message, observed, ready_status
from unit.operator.worlds import NOW, REPORT, SETTINGS, artifact, ended, pod

GONE = {"reason": "ArtifactMissing", "message": "There is no artifact in the store."}
LATER = NOW + timedelta(minutes=5)


def server(report: Object, *, at: str = format_time(LATER), ready: bool = False) -> Object:
    """A server that has ended once with that report, and is started again."""
    before = ended(10, report)
    before["terminated"]["finishedAt"] = at
    return pod(
        owner="uid-replicas",
        container="server",
        state={"waiting": {"reason": "CrashLoopBackOff"}},
        lastState=before,
        ready=ready,
    )


@pytest.mark.parametrize("reason", ["ArtifactMissing", "ArtifactCorrupt"])
def test_files_that_a_server_finds_damaged_are_compiled_again_with_an_event(reason: str) -> None:
    status, job = ready_status(), made_job()
    world = observed(compile_job=job, servers=[server({**GONE, "reason": reason})])
    plan = decide(artifact(status=status), world, SETTINGS, LATER)
    assert headline(plan) == ("Compiling", "Retrying")
    assert "because a server says: There is no artifact in the store." in message(plan)
    assert list(plan.delete) == [job]
    assert [said.reason.value for said in transitions(status, plan.status or {})] == ["Retrying"]

    anew = decide(artifact(status=plan.status), observed(servers=world.servers), SETTINGS, LATER)
    assert [name_of(change.obj) for change in anew.apply] == [name_of(job)]


def test_servers_that_run_are_held_to_the_same_manifest_until_there_is_another_one() -> None:
    world = observed(compile_job=made_job(), servers=[server(GONE)])
    status = decide(artifact(status=ready_status()), world, SETTINGS, LATER).status
    for _ in range(2):
        assert status is not None
        assert status["manifestSha256"] == REPORT["manifestSha256"]
        status = decide(artifact(status=status), observed(servers=world.servers), SETTINGS, LATER).status

    report = {**REPORT, "manifestSha256": "6" * 64}
    pods = [pod(owner=JOB_UID, state=ended(0, report, "Completed"))]
    done = observed(compile_job=made_job(), compile_pods=pods, servers=world.servers)
    healed = decide(artifact(status=status), done, SETTINGS, LATER)
    assert headline(healed) == ("Ready", "Published")
    assert healed.status is not None
    assert healed.status["manifestSha256"] == "6" * 64
    assert healed.status["healedAt"] == format_time(LATER)


@pytest.mark.parametrize(
    "said",
    [
        server({**GONE, "reason": "VersionMismatch"}),
        server(GONE, at=format_time(NOW - timedelta(minutes=5))),
        server(GONE, ready=True),
    ],
    ids=["of something else", "before it was published", "and has started since"],
)
def test_files_are_left_alone_where_a_server_complains(said: Object) -> None:
    plan = decide(artifact(status=ready_status()), observed(servers=[said]), SETTINGS, LATER)
    assert headline(plan) == ("Ready", "Published")
    assert not plan.writes_children


def test_files_that_are_damaged_again_at_once_wait_for_an_hour() -> None:
    status = ready_status(healedAt=format_time(NOW))
    world = observed(compile_job=made_job(), servers=[server(GONE)])
    assert headline(decide(artifact(status=status), world, SETTINGS, LATER))[0] == "Ready"
    assert headline(decide(artifact(status=status), world, SETTINGS, NOW + REST))[0] == "Compiling"


def test_an_artifact_that_is_tried_again_because_somebody_asks_keeps_its_servers_manifest() -> None:
    status = ready_status()
    asked = observed(compile_job=made_job(), retries=["NeuronArtifact/gpt2=1"])
    plan = decide(artifact(status=status), asked, SETTINGS, LATER)
    assert headline(plan) == ("Compiling", "Retrying")
    assert plan.status is not None
    assert plan.status["manifestSha256"] == status["manifestSha256"]
