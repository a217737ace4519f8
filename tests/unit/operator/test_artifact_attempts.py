"""Further attempts at an artifact: more memory, longer rests, a check on the accelerator."""

from dataclasses import replace

import pytest
from neuron_operator.artifacts.decide import decide
from neuron_operator.artifacts.history import next_rung, rest_seconds
from neuron_operator.artifacts.observed import Observed
from neuron_operator.builders.jobs import compile_job, verify_job
from neuron_operator.plans.plan import Plan
from neuron_operator.reading.objects import Object, name_of
from neuron_operator.terms.reasons import RETRY
from unit.operator.artifact_world import observed
from unit.operator.worlds import (
    NOW,
    PARITY,
    REPORT,
    SETTINGS,
    artifact,
    artifact_body,
    at,
    condition,
    ended,
    pod,
    stored,
)

COMPILE_UID = "uid-Job-gpt2-0123456789-compile"
VERIFY_UID = "uid-Job-gpt2-0123456789-verify"
UNREACHABLE = {"outcome": "Failed", "reason": "SourceUnreachable", "message": "The hub does not answer."}
NEEDED: Object = {**REPORT, "verification": "Needed", "parity": None, "benchmark": None}


def failed_compile(state: Object, *, age: float = 0, memory: str | None = None) -> Observed:
    job = stored(compile_job(artifact(), SETTINGS, memory), conditions=[condition("Failed", age=age)])
    return observed(compile_job=job, compile_pods=[pod(owner=COMPILE_UID, state=state)])


def said(plan: Plan) -> tuple[str, str, str]:
    assert plan.status is not None
    ready = plan.status["conditions"][0]
    return plan.status["phase"], ready["reason"], ready["message"]


def made_memory(plan: Plan) -> tuple[str, str]:
    (change,) = plan.apply
    resources = change.obj["spec"]["template"]["spec"]["containers"][0]["resources"]
    return resources["requests"]["memory"], resources["limits"]["memory"]


OUT_OF_MEMORY = (ended(137, reason="OOMKilled"), ended(10, {"reason": "CompilerOutOfMemory"}))


@pytest.mark.parametrize("state", OUT_OF_MEMORY)
def test_a_compiler_out_of_memory_is_given_twice_as_much_at_once(state: Object) -> None:
    plan = decide(artifact(), failed_compile(state), SETTINGS, NOW)
    assert [name_of(job) for job in plan.delete] == ["gpt2-0123456789-compile"]
    assert said(plan) == (
        "Compiling",
        "Retrying",
        "The compiler needs more than 8Gi of memory; it is tried again with 16Gi.",
    )
    assert plan.status is not None
    assert plan.status["memory"] == "16Gi"
    again = decide(artifact(status=plan.status), observed(), SETTINGS, NOW)
    assert made_memory(again) == (str(4 * 2**30), "16Gi")
    assert said(again) == said(plan)


def test_at_the_top_of_the_ladder_the_failure_stands_and_names_the_chart_s_value() -> None:
    status: Object = {"phase": "Compiling", "observedGeneration": 1, "memory": "64Gi"}
    world = failed_compile(OUT_OF_MEMORY[0], memory="64Gi")
    plan = decide(artifact(status=status), world, SETTINGS, NOW)
    phase, reason, message = said(plan)
    assert (phase, reason) == ("Failed", "CompilerOutOfMemory")
    assert "compile.maxMemory" in message
    assert not plan.writes_children


@pytest.mark.parametrize(
    ("where", "memory", "more"),
    [
        ({"node.kubernetes.io/instance-type": "inf2.xlarge"}, "12Gi", "13138Mi"),
        ({"node.kubernetes.io/instance-type": "inf2.xlarge"}, "13138Mi", None),
        ({"node.kubernetes.io/instance-type": "inf2.8xlarge"}, "12Gi", "24Gi"),
        ({"node.kubernetes.io/instance-type": "c7i.4xlarge"}, "12Gi", "24Gi"),
        ({"zone": "a"}, "12Gi", "24Gi"),
    ],
)
def test_a_compiler_bound_to_a_type_of_node_is_never_given_more_than_such_a_node_has(
    where: Object, memory: str, more: str | None
) -> None:
    bound = artifact(placement={"nodeSelector": where}, target="inf2", image="example.org/compiler:1-neuronx")
    job = stored(compile_job(bound, SETTINGS, memory), conditions=[condition("Failed")])
    world = observed(compile_job=job, compile_pods=[pod(owner=COMPILE_UID, state=OUT_OF_MEMORY[0])])
    status: Object = {"phase": "Compiling", "observedGeneration": 1, "memory": memory}
    plan = decide(replace(bound, status=status), world, SETTINGS, NOW)
    assert plan.status is not None
    if more is not None:
        assert plan.status["memory"] == more
        return
    phase, reason, message = said(plan)
    assert (phase, reason) == ("Failed", "CompilerOutOfMemory")
    assert "a node of type inf2.xlarge has 13138Mi for one pod" in message


@pytest.mark.parametrize(
    ("memory", "rung"),
    [("8Gi", "16Gi"), ("40Gi", "64Gi"), ("64Gi", None), ("1500Mi", "3000Mi"), (None, None), ("80Gi", None)],
)
def test_a_rung_is_twice_the_memory_and_never_above_the_top(memory: str | None, rung: str | None) -> None:
    assert next_rung(memory, "64Gi") == rung


def test_a_new_generation_begins_at_the_foot_of_the_ladder() -> None:
    status: Object = {"phase": "Compiling", "observedGeneration": 0, "memory": "64Gi", "failures": 9}
    plan = decide(artifact(status=status), observed(), SETTINGS, NOW)
    assert made_memory(plan) == ("2Gi", "8Gi")
    assert plan.status is not None
    assert "failures" not in plan.status


def test_rests_double_up_to_an_hour() -> None:
    assert [rest_seconds(n) for n in (1, 2, 3, 7, 8, 100)] == [30, 60, 120, 1920, 3600, 3600]


def test_each_failure_is_counted_once_and_a_success_forgets_them() -> None:
    status: Object = {}
    for count, rest in ((1, 30), (2, 60), (3, 120)):
        world = failed_compile(ended(11, UNREACHABLE), age=-100 * count)
        for _ in range(2):
            plan = decide(artifact(status=status), world, SETTINGS, at(100 * count))
            assert plan.status is not None
            status = plan.status
            assert (status["failures"], plan.requeue) == (count, rest)
    assert status["failure"] == {
        "reason": "SourceUnreachable",
        "step": "compile",
        "exitCode": 11,
        "time": "2026-01-01T12:05:00Z",
    }
    trying = decide(artifact(status=status), observed(), SETTINGS, at(400))
    assert said(trying)[1:] == ("Retrying", "Trying again after: The hub does not answer.")
    job = stored(compile_job(artifact(), SETTINGS))
    done = observed(compile_job=job, compile_pods=[pod(owner=COMPILE_UID, state=ended(0, REPORT))])
    healed = decide(artifact(status=trying.status), done, SETTINGS, at(500)).status
    assert healed is not None
    assert not healed.keys() & {"failures", "failure"}


def test_the_log_of_a_crash_follows_the_sentence() -> None:
    crash = ended(139)
    crash["terminated"]["message"] = "tracing layer 3\nSegmentation fault\n"
    plan = decide(artifact(), failed_compile(crash), SETTINGS, NOW)
    assert plan.status is not None
    assert plan.status["failure"]["log"] == "tracing layer 3\nSegmentation fault"
    sentence, _, log = said(plan)[2].partition("\n")
    crashed = "The compiler ended with exit status 139. Look at the compile Job's log."
    assert sentence == f"{crashed} {RETRY}"
    assert log == plan.status["failure"]["log"]
    assert decide(artifact(status=plan.status), observed(), SETTINGS, NOW).status == plan.status


def compiled() -> Plan:
    job = stored(compile_job(artifact(), SETTINGS))
    done = observed(compile_job=job, compile_pods=[pod(owner=COMPILE_UID, state=ended(0, NEEDED))])
    return decide(artifact(), done, SETTINGS, NOW)


def verifying(state: Object, *conditions: Object) -> Plan:
    job = stored(verify_job(artifact(status=compiled().status), SETTINGS), conditions=list(conditions))
    world = observed(verify_job=job, verify_pods=[pod(owner=VERIFY_UID, container="verify", state=state)])
    return decide(artifact(status=compiled().status), world, SETTINGS, NOW)


def test_what_was_compiled_elsewhere_is_verified_before_it_is_ready() -> None:
    plan = compiled()
    assert said(plan)[:2] == ("Verifying", "Verifying")
    assert [name_of(change.obj) for change in plan.apply] == ["gpt2-0123456789-verify"]
    running = verifying({"running": {}})
    assert (running.status, running.writes_children) == (plan.status, False)
    done = verifying(ended(0, {"outcome": "Verified", "parity": PARITY}))
    assert said(done)[:2] == ("Ready", "Published")
    assert done.status is not None
    assert (done.status["verification"], done.status["parity"]) == ("Done", PARITY)
    assert done.status["size"] == "522.7 MiB"


@pytest.mark.parametrize("reason", ["ParityFailed", "TooSlow", "VersionMismatch"])
def test_what_does_not_pass_on_the_accelerator_is_never_ready_and_keeps_its_numbers(reason: str) -> None:
    report = {
        "reason": reason,
        "message": "Too far.",
        "step": "verify",
        "parity": {**PARITY, "passed": False},
    }
    plan = verifying(ended(10, report), condition("Failed"))
    assert said(plan)[:2] == ("Failed", reason)
    assert plan.status is not None
    assert plan.status["parity"]["passed"] is False
    assert not plan.writes_children
    left = decide(artifact(status=plan.status), observed(), SETTINGS, NOW)
    assert (left.status, left.writes_children) == (plan.status, False)


def test_a_verification_that_may_heal_is_repeated_without_a_compile() -> None:
    report = {"reason": "StorageUnwritable", "message": "Read-only."}
    plan = verifying(ended(11, report), condition("Failed", age=30))
    assert [name_of(job) for job in plan.delete] == ["gpt2-0123456789-verify"]
    again = decide(artifact(status=plan.status), observed(), SETTINGS, NOW)
    assert [name_of(change.obj) for change in again.apply] == ["gpt2-0123456789-verify"]


def test_an_artifact_made_under_skip_is_checked_when_the_policy_becomes_block() -> None:
    skip: Object = {"parity": {"policy": "Skip"}}
    job = stored(compile_job(artifact(compile=skip), SETTINGS))
    done = [pod(owner=COMPILE_UID, state=ended(0, {**REPORT, "parity": None}))]
    world = observed(compile_job=job, compile_pods=done)
    ready = decide(artifact(compile=skip), world, SETTINGS, NOW)
    assert said(ready)[0] == "Ready"
    replaced = decide(artifact(status=ready.status), world, SETTINGS, NOW)
    assert list(replaced.delete) == [job]
    assert said(replaced)[0] == "Compiling"
    again = observed(compile_job=stored(compile_job(artifact(), SETTINGS)), compile_pods=done)
    unmeasured = decide(artifact(status=replaced.status), again, SETTINGS, NOW)
    assert said(unmeasured)[:2] == ("Failed", "NotMeasured")


SKIP: Object = {"parity": {"policy": "Skip"}}


def test_what_passes_a_check_that_was_skipped_at_first_is_ready_again() -> None:
    unmeasured = {**REPORT, "parity": None}
    first = observed(
        compile_job=stored(compile_job(artifact(compile=SKIP), SETTINGS)),
        compile_pods=[pod(owner=COMPILE_UID, state=ended(0, unmeasured))],
    )
    skipped = decide(artifact(compile=SKIP), first, SETTINGS, NOW)
    asked = decide(artifact(status=skipped.status), observed(), SETTINGS, NOW)
    assert [name_of(change.obj) for change in asked.apply] == ["gpt2-0123456789-compile"]
    found = [pod(owner=COMPILE_UID, state=ended(0, {**REPORT, "outcome": "AlreadyPublished"}))]
    again = observed(compile_job=stored(compile_job(artifact(), SETTINGS)), compile_pods=found)
    plan = decide(artifact(status=asked.status), again, SETTINGS, NOW)
    assert said(plan)[:2] == ("Ready", "Published")
    assert plan.status is not None
    assert plan.status["parity"] == PARITY


def test_a_verification_that_skipped_parity_is_repeated_when_the_policy_becomes_block() -> None:
    old = stored(verify_job(artifact(compile=SKIP), SETTINGS))
    done = [pod(owner=VERIFY_UID, container="verify", state=ended(0, {"outcome": "Verified"}))]
    replaced = decide(
        artifact(status=compiled().status), observed(verify_job=old, verify_pods=done), SETTINGS, NOW
    )
    assert list(replaced.delete) == [old]
    assert said(replaced)[:2] == ("Verifying", "Retrying")
    again = decide(artifact(status=replaced.status), observed(), SETTINGS, NOW)
    assert [name_of(change.obj) for change in again.apply] == ["gpt2-0123456789-verify"]


@pytest.mark.parametrize("state", OUT_OF_MEMORY)
def test_a_verification_out_of_memory_is_told_of_the_servers_memory_and_not_the_compilers(
    state: Object,
) -> None:
    plan = verifying(state, condition("Failed"))
    assert said(plan)[:2] == ("Failed", "VerificationOutOfMemory")
    assert "resources.serving" in said(plan)[2]
    assert "spec.compile" not in said(plan)[2]
    assert not plan.writes_children


def test_an_artifact_without_a_model_makes_the_claim_it_does_not_name() -> None:
    body = artifact_body()
    assert decide(artifact(), observed(users=[]), SETTINGS, NOW).create == ()
    del body["spec"]["claimName"]
    plan = decide(artifact(), observed(body=body, users=[]), SETTINGS, NOW)
    assert [name_of(claim) for claim in plan.create] == ["neuron-artifacts"]


def test_a_compiler_that_somebody_killed_rests_and_is_tried_again_with_the_same_memory() -> None:
    plan = decide(artifact(), failed_compile(ended(137), age=1), SETTINGS, NOW)
    phase, reason, message = said(plan)
    assert (phase, reason) == ("Failed", "CompilerKilled")
    assert message.startswith("The compiler was killed from outside. It is tried again by itself.")
    assert not plan.delete
    assert plan.requeue == 29
    assert plan.status is not None
    assert plan.status["memory"] == "8Gi"


def test_a_verification_of_a_manifest_that_was_never_recorded_is_compiled_again() -> None:
    status = {"phase": "Verifying", "verification": "Needed", "digest": "0" * 32}
    plan = decide(artifact(status=status), observed(), SETTINGS, NOW)
    assert [name_of(each.obj) for each in plan.apply] == ["gpt2-0123456789-compile"]
