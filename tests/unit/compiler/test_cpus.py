"""How many threads a container's CPU limit is worth."""

import os
from pathlib import Path

import pytest
from neuron_compiler.cpus import available

_ALL = len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, _ALL),
        ({"cpu.max": "max 100000\n"}, _ALL),
        ({"cpu.max": "50000 100000\n"}, 1),
        ({"cpu.max": "150000 100000\n"}, min(2, _ALL)),
        ({"cpu.max": "6400000 100000\n"}, min(64, _ALL)),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, _ALL),
        ({"cpu/cpu.cfs_quota_us": "100000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 1),
        ({"cpu.max": "nonsense"}, _ALL),
    ],
)
def test_the_cpu_limit_bounds_the_threads(tmp_path: Path, files: dict[str, str], expected: int) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert available(tmp_path) == expected
