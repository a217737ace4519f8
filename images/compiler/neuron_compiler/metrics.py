"""Percentiles, and sums over differences: arithmetic without torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

# What stands for a difference that is not a number, or infinite: JSON has neither.
NOT_FINITE = 3.4028234663852886e38


@dataclass(frozen=True)
class Difference:
    """How far one set of values is from its reference.

    max_abs: largest absolute difference. max_reference: largest absolute reference value. dot,
    reference_square and actual_square: the sums that a cosine is made of, so that differences of several
    outputs add up.
    """

    max_abs: float
    max_reference: float
    dot: float
    reference_square: float
    actual_square: float

    @property
    def max_rel(self) -> float:
        """The largest difference relative to the largest reference value."""
        if self.max_abs == 0:
            return 0.0
        return _finite(self.max_abs / self.max_reference) if self.max_reference else NOT_FINITE

    @property
    def cosine(self) -> float:
        """The cosine similarity; 1 for two zero vectors, 0 when one is zero or not finite."""
        if self.reference_square == 0 and self.actual_square == 0:
            return 1.0
        norm = math.sqrt(self.reference_square) * math.sqrt(self.actual_square)
        value = self.dot / norm if norm else 0.0
        return value if math.isfinite(value) else 0.0

    def value(self, metric: str) -> float:
        """The number that is held against the tolerance."""
        if metric == "MaxAbs":
            return _finite(self.max_abs)
        if metric == "MaxRel":
            return self.max_rel
        # Rounding may lift a cosine a little above 1.
        return max(0.0, 1.0 - self.cosine)


def merge(differences: Sequence[Difference]) -> Difference:
    """The difference over several outputs together. `differences` must not be empty."""
    return Difference(
        max_abs=max(_finite(item.max_abs) for item in differences),
        max_reference=max(item.max_reference for item in differences),
        dot=sum(item.dot for item in differences),
        reference_square=sum(item.reference_square for item in differences),
        actual_square=sum(item.actual_square for item in differences),
    )


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` (0 to 1) of the values don't exceed. `values` must not be
    empty.
    """
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def _finite(value: float) -> float:
    return value if math.isfinite(value) else NOT_FINITE
