"""The hollow node writes what a kubelet would."""

import json
from typing import Any

from hollow import OUT_OF_MEMORY, RUNNING, Outcome, Runs, Waits, failed, published
from hollow.statuses import keys_of, status

NOW, ADDRESS = "2026-01-02T03:04:05.000000Z", "198.18.0.1"
LABELS = {"app.kubernetes.io/name": "gpt2", "neuron-operator.dev/digest": "d1"}


def pod(*env: dict[str, str]) -> dict[str, Any]:
    container = {"name": "compile", "image": "compiler", "env": list(env)}
    return {"metadata": {"labels": LABELS}, "spec": {"containers": [container]}}


COMPILE = pod(
    {"name": "COMPILE_REQUEST", "value": json.dumps({"digest": "d1", "model": {"uri": "hf://gpt2"}})}
)


def played(outcome: Outcome) -> tuple[str, dict[str, Any], bool]:
    made = status(COMPILE, outcome, now=NOW, address=ADDRESS)
    container = made["containerStatuses"][0]
    ready = {condition["type"]: condition["status"] for condition in made["conditions"]}["Ready"]
    assert ready == str(container["ready"])
    return made["phase"], container["state"], container["ready"]


def test_a_compile_pod_is_known_by_its_uri_and_any_other_by_digest_and_name() -> None:
    assert keys_of(COMPILE) == ["hf://gpt2"]
    assert keys_of(pod()) == ["d1", "gpt2"]


def test_a_published_artifact_is_reported_with_the_digest_that_was_asked_for() -> None:
    phase, state, ready = played(published(sizeBytes=7))
    report = json.loads(state["terminated"]["message"])
    assert (phase, ready, state["terminated"]["exitCode"]) == ("Succeeded", False, 0)
    assert (report["outcome"], report["digest"], report["sizeBytes"]) == ("Published", "d1", 7)


def test_a_failure_is_reported_with_its_reason_and_exit_code() -> None:
    phase, state, _ = played(failed("SourceUnreachable", "No network.", exit_code=11))
    report = json.loads(state["terminated"]["message"])
    assert (phase, state["terminated"]["exitCode"], report["reason"]) == ("Failed", 11, "SourceUnreachable")


def test_a_killed_compiler_has_had_no_time_for_a_message() -> None:
    phase, state, _ = played(OUT_OF_MEMORY)
    terminated = state["terminated"]
    assert (phase, terminated["exitCode"], terminated["reason"]) == ("Failed", 137, "OOMKilled")
    assert terminated["message"] == ""


def test_a_running_pod_is_as_ready_as_it_is_told_to_be() -> None:
    assert played(RUNNING) == ("Running", {"running": {"startedAt": NOW}}, True)
    assert played(Runs(ready=False)) == ("Running", {"running": {"startedAt": NOW}}, False)


def test_a_crash_loop_waits_and_remembers_how_it_ended_last() -> None:
    outcome = Waits("CrashLoopBackOff", "back-off", last=failed("ArtifactCorrupt", "A file has changed."))
    container = status(COMPILE, outcome, now=NOW, address=ADDRESS)["containerStatuses"][0]
    assert container["state"] == {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}}
    assert container["lastState"]["terminated"]["exitCode"] == 10
    assert container["restartCount"] > 0
