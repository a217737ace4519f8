"""What an attack came to."""

from soak.dear import NAMES, Attacked, figures


def attacked(*, died: tuple[str, ...] = (), failed: int = 0, most: int = 110) -> Attacked:
    probes = {"probes": 200, "failed": failed, "p50_ms": 1.0, "p99_ms": 20.0, "max_ms": 30.0}
    valid = {"counts": {"valid": 30, "hostile": 10}, "wrong": 0, "examples": []}
    return Attacked("triton", 60.0, {"attacks": 80, "got": {}}, probes, valid, died, 100, most)


def test_an_attack_that_harms_nothing_has_no_failures() -> None:
    assert attacked().failures == []
    found = figures([attacked(), attacked(most=120)])
    assert set(found) == set(NAMES)
    assert [found[name].value for name in NAMES] == [1.2, 20.0, 0]


def test_every_kind_of_harm_is_named() -> None:
    assert attacked(died=("python",), failed=2, most=150).failures == [
        "triton: python ended under attack",
        "triton: 2 probes failed under attack",
        "triton: memory at 1.50 of its rest",
    ]
