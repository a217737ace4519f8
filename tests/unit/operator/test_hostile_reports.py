"""What a model's own code writes where the operator reads: termination messages and progress."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from neuron_operator.artifacts.decide import decide
from neuron_operator.plans.plan import Plan
from neuron_operator.reading.objects import Object
from neuron_operator.reading.progress import newest_progress
from neuron_operator.reading.reported import SHAPES, taken_down
from neuron_operator.reading.troubles import crash_problem
from support.schema import status_schema
from unit.operator.artifact_world import JOB_UID, failed_job, headline, made_job, message, observed
from unit.operator.worlds import NOW, REPORT, SETTINGS, artifact, ended, pod

DEEP = "[" * 4000
CONTROL = "\x1b[31mred\r\x07\x00\u202egpj.exe\u2028\ud800"
SHOWN = "?[31mred????gpj.exe??"


def said_by(state: Object, job: Object) -> Plan:
    pods = [pod(owner=JOB_UID, state=state)]
    return decide(artifact(), observed(compile_job=job, compile_pods=pods), SETTINGS, NOW)


def failed(**report: Any) -> Plan:
    return said_by(ended(10, {"reason": "CustomCodeFailed", "message": "It failed.", **report}), failed_job())


def succeeded(**report: Any) -> Plan:
    return said_by(ended(0, {**REPORT, **report}, "Completed"), made_job())


def test_a_message_that_nests_without_end_is_no_report() -> None:
    state = ended(10)
    state["terminated"]["message"] = DEEP
    assert headline(said_by(state, failed_job())) == ("Failed", "CompilerCrashed")


def test_what_reaches_status_has_nothing_in_it_that_a_terminal_obeys() -> None:
    plan = failed(message=f"{CONTROL} fails.", log=f"one\n{CONTROL}\n", step=CONTROL)
    assert plan.status is not None
    assert message(plan).partition("\n")[0].startswith(f"{SHOWN} fails.")
    assert plan.status["failure"]["log"] == f"one\n{SHOWN}"
    assert plan.status["failure"]["step"] == SHOWN
    json.dumps(plan.status, ensure_ascii=False).encode()


@pytest.mark.parametrize("value", ["text", 7, [1], {"value": "x", "buckets": 5, "maxAbs": [], "passed": 1}])
@pytest.mark.parametrize("name", ["parity", "benchmark", "versions", "seconds", "backend"])
def test_results_of_another_type_than_status_has_are_left_out(name: str, value: Any) -> None:
    for plan in (failed(**{name: value}), succeeded(**{name: value})):
        assert plan.status is not None
        kept = plan.status.get(name) or {}
        assert isinstance(kept, dict)
        fits(kept, status_schema("neuronartifacts")["properties"][name])


@pytest.mark.parametrize("size", [float("inf"), float("nan"), 10**300, -(10**300), "9", True, None])
def test_a_size_that_is_none_is_left_out(size: Any) -> None:
    plan = succeeded(sizeBytes=size, peakMemoryBytes=size)
    assert plan.status is not None
    assert headline(plan) == ("Ready", "Published")
    assert not plan.status.keys() & {"size", "sizeBytes", "peakMemory"}


def test_many_and_long_results_are_cut() -> None:
    bucket = {"bucket": "b" * 10_000, "passed": True}
    kept = taken_down(
        {
            "outcome": "Published",
            "versions": {f"library-{n}": "1" * 10_000 for n in range(1000)},
            "parity": {"passed": True, "buckets": [bucket] * 1000},
        }
    )
    assert len(kept["versions"]) == 64
    assert len(kept["parity"]["buckets"]) == 32
    assert len(json.dumps(kept)) < 20_000


@pytest.mark.parametrize(
    "line",
    [
        DEEP,
        '{"step": "compile", "unit": "bytes", "done": Infinity}',
        '{"step": "compile", "unit": "bytes", "done": 1' + "0" * 4000 + "}",
        '{"step": "compile", "unit": "buckets", "done": 1, "total": NaN}',
        '{"step": "compile", "unit": "buckets", "done": 1, "etaSeconds": 1e999}',
    ],
)
def test_progress_that_is_none_is_passed_over(line: str) -> None:
    before = 'progress: {"step": "fetch", "unit": "bytes", "done": 1}'
    found = newest_progress(f"{before}\nprogress: {line}\n")
    assert found is not None
    assert found.step == "fetch"


def test_progress_is_printable_and_short() -> None:
    line = {"step": CONTROL, "unit": CONTROL, "done": 10**300, "total": 10**300}
    found = newest_progress(f"progress: {json.dumps(line)}")
    assert found is not None
    assert found.step == SHOWN
    assert len(found.message) <= 256


def test_a_servers_last_words_are_one_printable_line() -> None:
    words = {"reason": "LoadFailed", "message": f"first\nsecond {CONTROL}"}
    crashed = pod(owner="server", ready=False, lastState=ended(10, words))
    found = crash_problem([crashed])
    assert found is not None
    assert found.message == f"first second {SHOWN}"


def test_the_shapes_are_those_of_status() -> None:
    schema = status_schema("neuronartifacts")["properties"]
    for name, shape in SHAPES.items():
        if name in schema:
            assert _names(shape) == _names_of_schema(schema[name]), name


def _names(shape: Any) -> Any:
    if isinstance(shape, Mapping):
        return {name: _names(inner) for name, inner in shape.items()}
    if isinstance(shape, list):
        return [_names(shape[0]), shape[1]]
    kind = shape[0] if isinstance(shape, tuple) else shape
    return {"text": "string", "number": "number", "whole": "integer", "yes or no": "boolean"}[kind]


def _names_of_schema(schema: Mapping[str, Any]) -> Any:
    match schema["type"]:
        case "object" if "additionalProperties" in schema:
            return {"*": _names_of_schema(schema["additionalProperties"])}
        case "object":
            return {name: _names_of_schema(inner) for name, inner in schema["properties"].items()}
        case "array":
            return [_names_of_schema(schema["items"]), schema["maxItems"]]
    return schema["type"]


def fits(value: Any, schema: Mapping[str, Any]) -> None:
    """Asserts that the API server would take the value."""
    match schema["type"]:
        case "object":
            assert isinstance(value, dict)
            named = schema.get("properties", {})
            for name, each in value.items():
                fits(each, named.get(name) or schema["additionalProperties"])
        case "array":
            assert isinstance(value, list)
            for each in value:
                fits(each, schema["items"])
        case "boolean":
            assert isinstance(value, bool)
        case "string":
            assert isinstance(value, str)
        case _:
            assert isinstance(value, int | float)
            assert not isinstance(value, bool)
