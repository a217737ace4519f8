"""The documentation names what the code has."""

from pathlib import Path

import pytest
from neuron_operator.terms.reasons import Reason

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_a_row(reason: Reason) -> None:
    rows = [line for line in (DOCS / "reasons.md").read_text().splitlines() if line.startswith("| `")]
    assert any(f"`{reason.value}`" in row.split("|")[1] for row in rows)
