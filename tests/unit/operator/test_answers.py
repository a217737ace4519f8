"""Answers that are not the library's keep an artifact from being served, as numbers out of tolerance do."""

from typing import Any

import pytest
from neuron_operator.api.spec import Parity
from neuron_operator.models.view import parity_problem
from neuron_operator.terms.reasons import Reason

_PARITY = {
    "passed": True,
    "metric": "MaxRel",
    "value": 1e-6,
    "tolerance": 1e-4,
    "maxAbs": 1e-6,
    "maxRel": 1e-6,
}
_RIGHT = {
    "passed": True,
    "compared": 24,
    "differing": 0,
    "wrong": 0,
    "worst": 2e-6,
    "library": "transformers 5.23.0",
    "example": None,
}
_OFF = {**_RIGHT, "passed": False, "differing": 1, "worst": 3e-3, "example": "a tall JPEG: MaxRel is 0.003"}
_WRONG = {**_OFF, "wrong": 1, "example": "a tall JPEG: the label is cat instead of dog"}


@pytest.mark.parametrize(
    ("parity", "answers", "reason"),
    [
        (Parity(), None, None),
        (Parity(), _RIGHT, None),
        (Parity(), _OFF, Reason.ANSWERS_DIFFER),
        (Parity(), _WRONG, Reason.ANSWERS_DIFFER),
        (Parity(policy="Warn"), _WRONG, None),
        (Parity(tolerance=0.01), _OFF, None),
        (Parity(tolerance=0.01), _WRONG, Reason.ANSWERS_DIFFER),
        (Parity(tolerance=1e-6), _RIGHT, Reason.ANSWERS_DIFFER),
    ],
)
def test_a_model_judges_the_compared_answers_by_its_own_demands(
    parity: Parity, answers: dict[str, Any] | None, reason: Reason | None
) -> None:
    problem = parity_problem(parity, {**_PARITY, **({"answers": answers} if answers else {})})
    assert (problem.reason if problem else None) is reason
