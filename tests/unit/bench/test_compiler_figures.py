from typing import Any

from bench.compiler import overheads, speed


def overhead(pipeline: float, bare: float, mib: float) -> dict[str, Any]:
    return {
        "pipeline": {"seconds": pipeline, "bytes": mib * 2**20},
        "bare": {"seconds": bare, "bytes": 1000 * 2**20},
        "runs": 5,
    }


def test_the_worse_backend_stands_for_both() -> None:
    figures = overheads({"TorchScript": overhead(11, 10, 1100), "Inductor": overhead(42, 40, 1250)})
    assert figures["compile_overhead_ratio_torchscript"].value == 1.1
    assert figures["compile_overhead_ratio_inductor"].value == 1.05
    assert figures["compile_overhead_ratio"].value == 1.1
    assert figures["compile_peak_memory_ratio"].value == 1.25
    assert {figure.goal for figure in figures.values()} == {"<= 1.10", "<= 1.3"}


def test_the_speed_up_is_that_of_the_bucket_with_the_highest_throughput() -> None:
    rows = [
        {"bucket": "b1_s128", "batch": 1, "eager": 10.0, "artifact": 29.0, "speedUp": 2.9},
        {"bucket": "b8_s128", "batch": 8, "eager": 12.0, "artifact": 40.0, "speedUp": 3.333},
    ]
    parity = {"metric": "MaxRel", "value": 0.0077, "tolerance": 0.05}
    figure = speed(
        {"backend": "inductor", "precision": "bf16", "threads": 2, "parity": parity, "buckets": rows}, "GPT-2"
    )
    assert figure.value == 3.33
    assert "batch 1: 2.90, batch 8: 3.33" in figure.how
    assert "parity MaxRel 7.7e-03 of 5e-02" in figure.how
