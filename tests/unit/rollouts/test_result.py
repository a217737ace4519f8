"""The figures of rollouts: one for each kind, which says what was done."""

from rollouts.kinds import KINDS
from rollouts.result import NAMES, WORDS, Result


def test_every_kind_has_words_and_a_figure() -> None:
    assert list(KINDS) == list(WORDS)
    (figure,) = Result("undo", 20, 5000, ["FAILED over HTTP"]).figures.values()
    assert (figure.value, figure.goal) == (1, "0")
    assert figure.how.startswith("of 5,000; another artifact, an undo")
    assert "rollout_failed_requests_undo" in NAMES
