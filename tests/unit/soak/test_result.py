"""What a soak came to."""

from soak.result import NAMES, Result, figures

COUNTS = {"valid": 30, "hostile": 10, "mutant": 20}


def result(*, died: tuple[str, ...] = (), wrong: tuple[str, ...] = (), last: int = 100) -> Result:
    report = {"counts": COUNTS, "wrong": len(wrong), "examples": list(wrong)}
    return Result("triton", 60.0, 32, report, died, [100] * 30 + [last] * 10)


def test_a_soak_in_which_nothing_happened_has_no_failures() -> None:
    assert result().failures == []
    found = figures([result(), result()])
    assert set(found) == set(NAMES)
    assert found["fuzz_requests"].value == 40
    assert found["soak_rss_growth_ratio"].value == 1
    assert found["soak_crashes"].value == found["soak_wrong_answers"].value == 0


def test_every_kind_of_failure_is_named() -> None:
    failures = result(died=("stub",), wrong=("off by 3",), last=110).failures
    assert failures == [
        "triton: stub ended",
        "triton: off by 3",
        "triton: memory grew to 1.100 of what it was",
    ]
