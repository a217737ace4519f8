"""Differences between tensors, and which of them count."""

import math

import pytest
import torch
from neuron_artifact import Output
from neuron_compiler import parity
from neuron_compiler.request import ParityGate

_TOKENS = (Output("last_hidden_state", "FP32", ("sequence", 2)),)
_LOGITS = (Output("logits", "FP32", (2,)),)


def test_a_difference_is_measured_in_every_metric() -> None:
    found = parity.difference(torch.tensor([3.0, 4.0]), torch.tensor([3.0, 3.0]))
    assert (found.max_abs, found.max_rel) == (1.0, 0.25)
    assert found.cosine == pytest.approx(21 / (5 * math.sqrt(18)))


def test_padded_places_do_not_count() -> None:
    reference = torch.zeros(1, 3, 2)
    actual = torch.tensor([[[0.0, 0.0], [0.5, 0.0], [9.0, 9.0]]])
    mask = torch.tensor([[1, 1, 0]])
    assert parity.compare((reference,), (actual,), _TOKENS, mask).max_abs == 0.5


def test_outputs_without_a_sequence_count_whole() -> None:
    found = parity.compare(
        (torch.zeros(1, 2),), (torch.tensor([[0.0, 2.0]]),), _LOGITS, torch.tensor([[1, 0, 0]])
    )
    assert found.max_abs == 2.0


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("metric", ["MaxAbs", "MaxRel", "Cosine"])
def test_an_output_that_is_not_finite_fails_every_metric(bad: float, metric: str) -> None:
    good = parity.difference(torch.ones(4), torch.ones(4))
    broken = parity.difference(torch.ones(4), torch.tensor([1.0, 1.0, 1.0, bad]))
    assert not parity.judge({"b1_s8": [good, broken]}, ParityGate(metric, 0.5, "Block"), "fp32").passed


def test_the_verdict_is_the_worst_of_all_calls() -> None:
    calls = [parity.difference(torch.ones(2), torch.ones(2) + shift) for shift in (0.0, 0.25, 0.125)]
    verdict = parity.judge({"b1_s8": calls}, ParityGate("MaxAbs", 0.25, "Block"), "fp32")
    assert (verdict.value, verdict.max_rel, verdict.passed) == (0.25, 0.25, True)
    assert not parity.judge({"b1_s8": calls}, ParityGate("MaxAbs", 0.2, "Block"), "fp32").passed


@pytest.mark.parametrize(("precision", "passed"), [("fp32", False), ("matmult-bf16", True)])
def test_without_a_tolerance_the_precision_decides(precision: str, passed: bool) -> None:
    call = parity.difference(torch.ones(2), torch.ones(2) + 0.01)
    assert parity.judge({"b1_s8": [call]}, ParityGate("MaxRel", None, "Block"), precision).passed == passed


def test_each_bucket_is_judged_and_one_that_fails_fails_all() -> None:
    near, far = (parity.difference(torch.ones(2), torch.ones(2) + shift) for shift in (0.0, 0.5))
    verdict = parity.judge(
        {"b1_s8": [near], "b1_s16": [near, far]}, ParityGate("MaxRel", 0.1, "Block"), "fp32"
    )
    assert [(each.bucket, each.passed, each.max_rel) for each in verdict.buckets] == [
        ("b1_s8", True, 0.0),
        ("b1_s16", False, 0.5),
    ]
    assert (verdict.passed, verdict.value) == (False, 0.5)
