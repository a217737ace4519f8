"""Quantities: what is one, and what only looks like one."""

from decimal import Decimal

import pytest
from neuron_operator.reading.quantities import equal, parse


@pytest.mark.parametrize(
    ("text", "value"), [("500m", Decimal("0.5")), ("4Gi", Decimal(4 * 2**30)), ("1e3", Decimal(1000))]
)
def test_a_quantity_is_its_exact_value(text: str, value: Decimal) -> None:
    assert parse(text) == value


@pytest.mark.parametrize(
    "text", ["1e999999999", "1e-999999999", "9" * 100_000, "1E100", "", "Gi", "1 Gi", "0x10"]
)
def test_what_is_no_amount_of_anything_is_refused_before_it_is_computed_with(text: str) -> None:
    with pytest.raises(ValueError, match="is not a quantity"):
        parse(text)
    assert not equal(text, "1")
