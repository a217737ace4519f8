import random
import threading

import pytest
from toolbox.torture.moments import Moment
from toolbox.torture.steps import Log, step_of


@pytest.mark.parametrize(
    ("line", "step"),
    [
        ("fetch: pvc://models/tiny in 0.0 s", "compile"),
        ("parity: b1_s16 full: max abs 0.0", "parity"),
        ('progress: {"step": "publish", "unit": "bytes", "done": 0, "total": 9}', "publish"),
        ("publish: /artifacts/00, 1 MB in 0.1 s", "after"),
        ('progress: {"step": "compile", "unit": "buckets", "done": 0, "total": 1}', "compile"),
        ('{"digest":"00","outcome":"Published"}', "after"),
        ("a warning of the compiler's own", None),
        ("compiler: not a step", None),
    ],
)
def test_a_line_of_the_log_names_its_step(line: str, step: str | None) -> None:
    assert step_of(line) == step


def test_a_log_never_goes_back_to_an_earlier_step() -> None:
    log = Log()
    assert log.step == "start"
    log.read(["fetch: done\n", "parity: b1_s16\n", "compile: b1_s32\n"])
    assert log.step == "parity"
    assert log.reaches("compile", timeout=0)
    assert not log.reaches("publish", timeout=0)


def test_the_same_seed_draws_the_same_moments() -> None:
    first, second = random.Random(7), random.Random(7)
    assert [Moment.draw(first) for _ in range(20)] == [Moment.draw(second) for _ in range(20)]


def test_a_moment_after_the_end_is_not_waited_for() -> None:
    ended = threading.Event()
    ended.set()
    Moment(None, 1.0).wait(Log(), whole=3600, elapsed=0, ended=ended)
