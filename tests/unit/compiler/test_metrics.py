"""The numbers of parity and benchmark."""

import math

import pytest
from neuron_compiler.metrics import NOT_FINITE, Difference, merge, percentile

_SAME = Difference(max_abs=0.0, max_reference=2.0, dot=5.0, reference_square=5.0, actual_square=5.0)
_HALF = Difference(max_abs=1.0, max_reference=2.0, dot=3.0, reference_square=5.0, actual_square=5.0)


def test_equal_values_differ_by_nothing_in_every_metric() -> None:
    assert [_SAME.value(metric) for metric in ("MaxAbs", "MaxRel", "Cosine")] == pytest.approx([0, 0, 0])


def test_each_metric_measures_what_it_says() -> None:
    assert [_HALF.value(metric) for metric in ("MaxAbs", "MaxRel", "Cosine")] == pytest.approx(
        [1.0, 0.5, 0.4]
    )


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("metric", ["MaxAbs", "MaxRel", "Cosine"])
def test_values_that_are_not_numbers_never_pass(bad: float, metric: str) -> None:
    broken = Difference(max_abs=bad, max_reference=2.0, dot=bad, reference_square=5.0, actual_square=bad)
    value = broken.value(metric)
    assert math.isfinite(value)
    assert value >= 1.0
    assert merge([_SAME, broken]).value(metric) >= 1.0


def test_a_reference_of_zeros_allows_no_difference() -> None:
    zero = Difference(max_abs=0.0, max_reference=0.0, dot=0.0, reference_square=0.0, actual_square=0.0)
    off = Difference(max_abs=0.1, max_reference=0.0, dot=0.0, reference_square=0.0, actual_square=0.01)
    assert [zero.value(metric) for metric in ("MaxAbs", "MaxRel", "Cosine")] == [0.0, 0.0, 0.0]
    assert [off.value(metric) for metric in ("MaxAbs", "MaxRel", "Cosine")] == [0.1, NOT_FINITE, 1.0]


def test_several_outputs_count_together() -> None:
    both = merge([_SAME, _HALF])
    assert (both.max_abs, both.max_rel) == (1.0, 0.5)
    assert both.cosine == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([5.0], 0.99, 5.0),
        ([3.0, 1.0, 2.0], 0.5, 2.0),
        (list(range(1, 101)), 0.9, 90),
        (list(range(1, 101)), 0.99, 99),
    ],
)
def test_a_percentile_is_one_of_the_values(values: list[float], share: float, expected: float) -> None:
    assert percentile(values, share) == expected
