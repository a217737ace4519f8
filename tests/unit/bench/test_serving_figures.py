from typing import Any

from bench.serving import SUBJECTS, saturation

SHARES = {
    "compute": 0.912,
    "rows_per_call": 7.94,
    "padding": 0.011,
    "rows_per_compute_second": 19.2,
    "client_cores": 0.104,
}


def row(per_second: float, **more: Any) -> dict[str, Any]:
    return {"perSecond": per_second, "p50Milliseconds": 50.0, **more}


def test_saturation_is_the_best_window_over_the_best_bare_one_and_says_where_its_time_went() -> None:
    report = {
        "bare b1": row(19.0),
        "bare b8": row(20.0),
        "triton c1": row(18.0, shares={**SHARES, "compute": 0.5}),
        "triton c16": row(19.0, shares=SHARES),
        "torchserve c1": row(16.0),
        "plain c1": row(15.0),
    }
    figures = saturation(SUBJECTS[0], report)
    triton = figures["triton_saturation_ratio_gpt2"]
    assert triton.value == 0.95
    assert triton.how.endswith(
        ". At c16 modules computed 91 % of the time, 7.9 rows a call and 1 % padding, at 19.2 rows a second "
        "(20.0 bare); the client took 0.10 cores"
    )


def test_a_system_without_metrics_has_its_ratio_alone() -> None:
    report = {"bare b1": row(20.0), "triton c1": row(18.0), "torchserve c1": row(16.0), "plain c1": row(15.0)}
    figures = saturation(SUBJECTS[0], report)
    assert figures["plain_saturation_ratio_gpt2"].value == 0.75
    assert figures["plain_saturation_ratio_gpt2"].how.endswith("in turns")
