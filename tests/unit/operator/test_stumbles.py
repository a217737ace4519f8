"""A resource that the operator can't work with says so, and keeps its phase."""

from neuron_operator.controllers.stumbles import stumbled
from unit.operator.worlds import NOW, model_body


def test_the_condition_names_the_error_and_the_phase_stays() -> None:
    body = {**model_body(), "kind": "NeuronModel", "status": {"phase": "Ready", "url": "http://x"}}
    status = stumbled(body, KeyError("limits"), NOW)
    (ready,) = status["conditions"]
    assert (status["phase"], status["url"]) == ("Ready", "http://x")
    assert (ready["type"], ready["status"], ready["reason"]) == ("Ready", "False", "ReconcileFailed")
    assert ready["message"].startswith("KeyError: 'limits'.")


def test_a_resource_that_never_had_a_status_gets_a_phase() -> None:
    body = {**model_body(), "kind": "NeuronModel"}
    body.pop("status", None)
    assert stumbled(body, ValueError("1e99"), NOW)["phase"] == "Failed"
