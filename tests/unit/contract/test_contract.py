"""What one side writes, the other reads: requests, reasons, exit codes, families, variables."""

import ast
import dataclasses
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from neuron_compiler.failure import CompileError
from neuron_compiler.request import parse
from neuron_contract import codec, exits, variables
from neuron_contract.reasons import ImageReason
from neuron_contract.request import Request, from_text, to_text
from neuron_operator.api.artifact import parse_artifact
from neuron_operator.artifacts.outcome import Failed, outcome_of
from neuron_operator.builders.jobs import compile_job
from neuron_operator.builders.requests import compile_request
from neuron_operator.terms.reasons import Reason
from unit.operator.worlds import SETTINGS

_ROOT = Path(__file__).parents[3]
_IMAGES = ("compiler", "serving", "triton", "torchserve")
_RAISED = {"CompileError", "ServingError"}

EVERYTHING: dict[str, Any] = {
    "apiVersion": "neuron-operator.dev/v1alpha1",
    "kind": "NeuronArtifact",
    "metadata": {"name": "a", "namespace": "n", "uid": "u"},
    "spec": {
        "model": {
            "uri": "https://example.test/m.tgz",
            "revision": "main",
            "sha256": "a" * 64,
            "task": "text-classification",
            "pooling": "Mean",
            "architecture": "resnet18",
            "trustRemoteCode": True,
        },
        "target": "trn2",
        "toolchain": "t",
        "compile": {
            "batchSizes": [8, 1],
            "sequenceLengths": [128, 32],
            "autoCast": "all",
            "autoCastType": "fp16",
            "optLevel": 3,
            "modelType": "transformer",
            "logicalCores": 2,
            "fastLoading": True,
            "partitioner": {"supportThreshold": 0.25, "minSubgraphSize": 3, "maxSubgraphCount": 4},
            "weights": "Separate",
            "placement": "CPU",
            "extraArgs": ["--x"],
            "parity": {"metric": "Cosine", "tolerance": 0.5, "policy": "Warn"},
            "benchmark": {
                "seconds": 3,
                "concurrencies": [4, 1],
                "pricePerHour": 1.5,
                "thresholds": {"p99Milliseconds": 9, "throughputPerSecond": 8, "speedUp": 7},
                "policy": "Warn",
            },
        },
    },
}
"""A NeuronArtifact that says something in every field of a request."""


def test_the_compiler_reads_every_field_that_the_operator_writes() -> None:
    artifact = parse_artifact(EVERYTHING, SETTINGS)
    asked = compile_request(artifact, SETTINGS)
    assert parse(to_text(asked)) == asked
    smallest = {**EVERYTHING, "spec": {"model": {"uri": "hf://a/b"}}}
    sparse = compile_request(parse_artifact(smallest, SETTINGS), SETTINGS)
    assert parse(to_text(sparse)) == sparse


@pytest.mark.parametrize("key", ["digest", "model", "compile", "parity", "benchmark", "target", "toolchain"])
def test_a_request_that_lacks_something_names_it(key: str) -> None:
    content = json.loads(to_text(compile_request(parse_artifact(EVERYTHING, SETTINGS), SETTINGS)))
    del content[key]
    with pytest.raises(CompileError, match=rf"Request\.{key} is missing"):
        parse(json.dumps(content))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("compile", "batchSizes"), "x"),
        (("compile", "batchSizes"), [True]),
        (("compile", "optLevel"), "2"),
        (("model", "trustRemoteCode"), 1),
        (("model", "uri"), None),
        (("benchmark", "seconds"), "1"),
        (("target",), "gpu"),
    ],
)
def test_a_request_with_a_value_of_another_type_is_refused(path: tuple[str, ...], value: object) -> None:
    content = json.loads(to_text(compile_request(parse_artifact(EVERYTHING, SETTINGS), SETTINGS)))
    inner = content
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    with pytest.raises(ValueError, match=path[-1]):
        from_text(json.dumps(content))


def test_keys_are_unique_and_unknown_ones_are_passed_over() -> None:
    asked = compile_request(parse_artifact(EVERYTHING, SETTINGS), SETTINGS)
    content = codec.to_json(asked)
    assert len(content) == len(dataclasses.fields(Request))
    assert codec.from_json(Request, {**content, "newer": 1}) == asked


def _raised() -> Iterator[tuple[str, str]]:
    """Every reason that an image's code gives, with its place."""
    for image in _IMAGES:
        for path in sorted((_ROOT / "images" / image).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") in _RAISED and node.args:
                    for constant in ast.walk(node.args[0]):
                        if isinstance(constant, ast.Constant) and isinstance(constant.value, str):
                            yield constant.value, f"{path.name}:{node.lineno}"


def test_every_reason_that_an_image_gives_is_in_the_contract() -> None:
    known = {reason.value for reason in ImageReason}
    words = [(word, place) for word, place in _raised() if re.fullmatch(r"([A-Z][a-z0-9]+){2,}", word)]
    assert len(words) > 60
    assert [(word, place) for word, place in words if word not in known] == []


def test_the_operator_has_every_reason_of_the_contract_and_its_advice_and_the_docs_a_row() -> None:
    rows = (_ROOT / "docs/reasons.md").read_text()
    for reason in ImageReason:
        assert Reason(reason.value).advice, f"{reason.value} has no advice"
        assert f"`{reason.value}`" in rows, f"docs/reasons.md has no row for {reason.value}"


@pytest.mark.parametrize("reason", list(ImageReason))
def test_what_an_image_reports_is_what_status_says(reason: ImageReason) -> None:
    from neuron_compiler import message

    error = CompileError(reason.value, "It went wrong.")
    artifact = parse_artifact(EVERYTHING, SETTINGS)
    job = compile_job(artifact, SETTINGS)
    job["metadata"]["uid"] = "job"
    failed = {"type": "Failed", "status": "True", "lastTransitionTime": "2026-01-02T03:04:05Z"}
    job["status"] = {"conditions": [failed]}
    ended = {"exitCode": error.exit_code, "message": message.fit(message.failed(error)).decode()}
    pod = {
        "metadata": {"name": "p", "ownerReferences": [{"controller": True, "uid": "job"}]},
        "status": {
            "phase": "Failed",
            "containerStatuses": [{"name": "compile", "state": {"terminated": ended}}],
        },
    }
    outcome = outcome_of(job, [pod], "compile")
    assert isinstance(outcome, Failed)
    assert outcome.problem.reason is Reason(reason.value)
    assert outcome.problem.message.startswith("It went wrong.")


def test_exit_codes_are_told_apart() -> None:
    assert len({exits.DONE, exits.FAILED, exits.MAY_HEAL, exits.KILLED}) == 4
    assert CompileError("StorageFull", "", heals=True).exit_code == exits.MAY_HEAL


def test_no_two_variables_have_one_name() -> None:
    names = [
        value for name, value in vars(variables).items() if name.isupper() and isinstance(value, str)
    ] + [*variables.S3_KEYS, *variables.S3_OPTIONAL_KEYS]
    assert len(set(names)) == len(names)
