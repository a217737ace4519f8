"""What was tried in vain rests for some minutes, and is spoken of once."""

from neuron_operator.execution.vain import PAUSE_SECONDS, Vain


class Clock:
    """Seconds, moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_what_was_never_tried_does_not_rest() -> None:
    vain = Vain(Clock())
    vain.add("one")
    assert not vain.rests("another")


def test_an_attempt_rests_until_the_pause_is_over() -> None:
    clock = Clock()
    vain = Vain(clock)
    vain.add("one")
    clock.now = PAUSE_SECONDS - 1
    assert vain.rests("one")
    clock.now = PAUSE_SECONDS
    assert not vain.rests("one")


def test_only_the_first_failure_is_news_however_long_ago_it_was() -> None:
    clock = Clock()
    vain = Vain(clock)
    assert vain.add("one")
    clock.now = 10 * PAUSE_SECONDS
    assert not vain.add("one")
    assert vain.rests("one")
