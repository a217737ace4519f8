"""How far a pod is, by the last lines of its log."""

import pytest
from neuron_operator.reading.progress import Progress, newest_progress


@pytest.mark.parametrize(
    ("log", "found"),
    [
        ("", None),
        ("compile: something else\n", None),
        (
            'progress: {"step": "fetch", "unit": "bytes", "done": 5120, "total": 10240, "etaSeconds": 6}\n',
            Progress("fetch", "5.0 KiB of 10.0 KiB, 6 s left"),
        ),
        (
            'progress: {"step": "fetch", "unit": "bytes", "done": 1024, "total": null, "etaSeconds": null}\n',
            Progress("fetch", "1.0 KiB"),
        ),
        (
            'progress: {"step": "fetch", "unit": "bytes", "done": 9, "total": 9, "etaSeconds": 0}\n'
            "compile: GPT2Model, 124.4 million parameters\n"
            'progress: {"step": "compile", "unit": "buckets", "done": 1, "total": 3, "etaSeconds": 300}\n',
            Progress("compile", "1 of 3 buckets, 5 min left"),
        ),
        (
            'progress: {"step": "compile", "unit": "buckets", "done": 0, "total": 3, "etaSeconds": null}\n'
            'progress: {"step": "compile", "unit": "buck',
            Progress("compile", "0 of 3 buckets"),
        ),
        ('progress: {"step": 1}\nprogress: []\n', None),
    ],
)
def test_the_newest_line_that_can_be_read_counts(log: str, found: Progress | None) -> None:
    assert newest_progress(log) == found
