"""Requests a second, from the times of the answers."""

import statistics
from collections.abc import Sequence


def per_second(answered: Sequence[float]) -> float:
    """The slope of the answers' count over their times, in seconds, sorted.

    A count in a window would depend on where its ends cut: answers come in bursts, as large as a batch.
    Raises statistics.StatisticsError for fewer than two different times.
    """
    return statistics.linear_regression(answered, range(len(answered))).slope
