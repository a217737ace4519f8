"""Requests a second do not depend on where a window's ends cut."""

import statistics

import pytest
from toolbox.load.rate import per_second


def test_answers_at_even_times_have_their_own_rate() -> None:
    assert per_second([0.25 * index for index in range(20)]) == pytest.approx(4)


@pytest.mark.parametrize("bursts", [5, 6])
@pytest.mark.parametrize("late", [0.0, 0.3])
def test_bursts_count_as_many_as_they_are_wherever_the_window_begins(bursts: int, late: float) -> None:
    answered = [late + 0.4 * burst for burst in range(bursts) for _ in range(8)]
    assert per_second(answered) == pytest.approx(20)


def test_one_answer_has_no_rate() -> None:
    with pytest.raises(statistics.StatisticsError):
        per_second([1.0])
