"""What a step says of how far it is."""

import json
from collections.abc import Iterator

import pytest
from neuron_compiler.progress import Progress


def said(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    lines = capsys.readouterr().out.splitlines()
    return [json.loads(line.removeprefix("progress: ")) for line in lines]


def test_it_is_told_at_the_start_every_two_seconds_and_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    times: Iterator[float] = iter([0.0, 0.5, 1.9, 2.0, 3.0, 3.5])
    progress = Progress("fetch", "bytes", 100, clock=lambda: next(times))
    for _ in range(5):
        progress.advance(20)
    common = {"step": "fetch", "unit": "bytes", "total": 100}
    assert said(capsys) == [
        {**common, "done": 0, "etaSeconds": None},
        {**common, "done": 60, "etaSeconds": 1},
        {**common, "done": 100, "etaSeconds": 0},
    ]


def test_bytes_that_have_to_come_again_are_taken_back(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress("fetch", "bytes", 30)
    progress.advance(20)
    progress.advance(-20)
    progress.advance(30)
    assert [each["done"] for each in said(capsys)] == [0, 30]
