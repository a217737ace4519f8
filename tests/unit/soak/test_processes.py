"""What is read from a server's processes."""

import pytest
from soak.processes import Process, ended, growth


def test_a_process_that_took_a_number_anew_is_another() -> None:
    before = {"7/100": Process("stub", 1), "1/5": Process("server", 1)}
    after = {"7/200": Process("stub", 1), "1/5": Process("server", 2)}
    assert ended(before, after) == ["stub"]


def test_memory_that_grows_after_the_warm_up_is_seen() -> None:
    flat = [50] * 10 + [100] * 50
    assert growth(flat) == 1
    assert growth([100 + n for n in range(60)]) > 1.3


def test_too_few_samples_say_so() -> None:
    with pytest.raises(ValueError, match="too few"):
        growth([1, 2])
