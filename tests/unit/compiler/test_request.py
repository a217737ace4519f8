"""The compile request: parsed whole, or refused with a sentence."""

import pytest
from compiler import requests
from neuron_compiler.failure import CompileError
from neuron_compiler.request import default_tolerance, parse


def test_a_request_is_parsed_with_its_buckets_sorted() -> None:
    request = parse(requests.text(model__revision="main", compile__sequenceLengths=[128, 32]))
    assert (request.digest, request.target, request.family) == (requests.DIGEST, "cpu", "cpu")
    assert (request.model.uri, request.model.revision) == ("pvc://models/gpt2", "main")
    assert request.options.sequence_lengths == (32, 128)


@pytest.mark.parametrize(
    ("target", "family"),
    [("cpu", "cpu"), ("inf1", "neuron"), ("inf2", "neuronx"), ("trn1", "neuronx"), ("trn2", "neuronx")],
)
def test_each_target_has_its_family(target: str, family: str) -> None:
    assert parse(requests.text(target=target)).family == family


@pytest.mark.parametrize(
    ("metric", "precision", "tolerance"),
    [
        ("MaxAbs", "fp32", 1e-4),
        ("Cosine", "fp32", 1e-4),
        ("MaxAbs", "matmult-bf16", 5e-2),
        ("MaxRel", "all-fp16", 5e-2),
        ("Cosine", "matmult-bf16", 1e-2),
    ],
)
def test_the_tolerance_follows_from_the_precision(metric: str, precision: str, tolerance: float) -> None:
    assert default_tolerance(metric, precision) == tolerance


def test_a_request_may_leave_the_tolerance_to_the_precision() -> None:
    assert parse(requests.text(parity__tolerance=None)).parity.tolerance is None


def test_a_tolerance_of_the_users_own_wins() -> None:
    assert parse(requests.text(parity__tolerance=0.25)).parity.tolerance == 0.25


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "null", requests.text(target="gpu"), requests.text(compile__batchSizes="x")]
)
def test_what_is_no_request_is_refused_with_the_likely_cause(text: str) -> None:
    with pytest.raises(
        CompileError, match="operator and the compiler image must be of one release"
    ) as caught:
        parse(text)
    assert (caught.value.reason, caught.value.exit_code) == ("CompilerCrashed", 10)
