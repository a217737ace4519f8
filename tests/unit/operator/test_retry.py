"""The retry annotation: one more attempt, on either resource, without deleting anything."""

from neuron_operator.artifacts.decide import decide
from neuron_operator.reading.objects import Object, name_of
from neuron_operator.world.observe import MOST_RETRIES, Observer
from unit.operator.artifact_world import JOB_UID, failed_job, headline, made_job, observed, ready_status
from unit.operator.worlds import NOW, SETTINGS, artifact, artifact_body, at, ended, knowing, model_body, pod

JOB = "gpt2-0123456789-compile"
ASKED = ["NeuronModel/gpt2=1"]
GIVEN_UP = [pod(owner=JOB_UID, state=ended(10, {"reason": "ModelUnreadable", "message": "No such."}))]


def failed() -> Object:
    world = observed(compile_job=failed_job(), compile_pods=GIVEN_UP)
    status = decide(artifact(), world, SETTINGS, NOW).status
    assert status is not None
    return status


def test_a_new_value_makes_the_failed_job_anew_once() -> None:
    asked = observed(compile_job=failed_job(), compile_pods=GIVEN_UP, retries=ASKED)
    plan = decide(artifact(status=failed()), asked, SETTINGS, NOW)
    assert [name_of(job) for job in plan.delete] == [JOB]
    assert headline(plan) == ("Compiling", "Retrying")
    made = decide(artifact(status=plan.status), observed(retries=ASKED), SETTINGS, NOW)
    assert [name_of(change.obj) for change in made.apply] == [JOB]
    again = decide(artifact(status=made.status), asked, SETTINGS, at(5))
    assert (again.delete, headline(again)) == ((), ("Failed", "ModelUnreadable"))
    assert decide(artifact(status=again.status), asked, SETTINGS, at(9)).delete == ()


def test_a_failure_whose_job_is_gone_gets_a_new_one() -> None:
    plan = decide(artifact(status=failed()), observed(retries=ASKED), SETTINGS, NOW)
    assert [name_of(change.obj) for change in plan.apply] == [JOB]


def test_a_published_artifact_is_looked_at_again() -> None:
    asked = observed(compile_job=made_job(), retries=ASKED)
    plan = decide(artifact(status=ready_status()), asked, SETTINGS, NOW)
    assert [name_of(job) for job in plan.delete] == [JOB]


def test_a_running_job_is_left_alone() -> None:
    running = [pod(owner=JOB_UID, state={"running": {}})]
    asked = observed(compile_job=made_job(), compile_pods=running, retries=ASKED)
    assert not decide(artifact(), asked, SETTINGS, NOW).writes_children


def test_a_value_that_goes_away_asks_for_nothing() -> None:
    status = failed() | {"retries": ASKED}
    assert not decide(artifact(status=status), observed(), SETTINGS, NOW).writes_children


def test_the_annotation_is_read_from_the_artifact_and_from_the_models_that_use_it() -> None:
    def annotated(body: Object, value: str) -> Object:
        return body | {"metadata": body["metadata"] | {"annotations": {"neuron-operator.dev/retry": value}}}

    model = annotated(model_body(), "2026-01-01")
    model["status"] = {"artifact": {"name": "gpt2-0123456789", "digest": "1"}}
    other = annotated(model_body("other"), "9")
    observer = Observer(knowing(model, other), SETTINGS, lambda pods: None)
    found = observer.around_artifact(annotated(artifact_body(), "7"))
    assert list(found.retries) == ["NeuronArtifact/gpt2-0123456789=7", "NeuronModel/gpt2=2026-01-01"]


def test_retries_of_more_models_than_status_has_room_for_are_all_followed() -> None:
    def said(*changed: str) -> list[str]:
        bodies = [artifact_body(status=ready_status())]
        for number in range(MOST_RETRIES + 50):
            model = model_body(f"model-{number:03}")
            value = "2" if model["metadata"]["name"] in changed else "1"
            model["metadata"]["annotations"] = {"neuron-operator.dev/retry": value}
            model["status"] = {"artifact": {"name": "gpt2-0123456789"}}
            bodies.append(model)
        found = Observer(knowing(*bodies), SETTINGS, lambda pods: None).around_artifact(bodies[0])
        return list(found.retries)

    before = said()
    assert len(before) == MOST_RETRIES
    for name in ("model-000", f"model-{MOST_RETRIES + 49}"):
        assert not set(said(name)) <= set(before)
