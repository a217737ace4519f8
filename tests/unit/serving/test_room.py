"""What does not fit a server's memory is said before it is loaded."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from neuron_artifact import FileEntry, Manifest
from neuron_serving.room import memory_limit, shortages
from unit.triton.artifacts import manifest

GIB = 2**30


def weighing(gibibytes: float, target: str, **compiled: Any) -> Manifest:
    """An artifact of two buckets that weigh so much together, and of a tokenizer, which is not loaded."""
    made = manifest(sequences=(64, 128), family="cpu" if target == "cpu" else "neuronx")
    half = int(gibibytes * GIB / 2)
    files = [FileEntry(bucket.path, half, "0" * 64) for bucket in made.buckets]
    files.append(FileEntry("tokenizer/tokenizer.json", 100 * GIB, "0" * 64))
    return replace(made, request={"target": target, "compile": compiled}, files=tuple(files))


@pytest.mark.parametrize(
    ("artifact", "cores", "limit"),
    [
        (weighing(1, "inf2"), 1, 4 * GIB),
        (weighing(1, "inf2"), 2, 4 * GIB),
        (weighing(2, "cpu"), 1, 4 * GIB),
        (weighing(100, "cpu"), 1, None),
        (weighing(1.5, "inf1"), 1, None),
        (weighing(6, "inf1", pipelineCores=4), 4, 12 * GIB),
        (weighing(20, "trn2"), 1, None),
    ],
)
def test_nothing_is_said_of_what_fits(artifact: Manifest, cores: int, limit: int | None) -> None:
    assert list(shortages(artifact, cores, limit)) == []


def test_the_processes_of_several_cores_hold_the_weights_each() -> None:
    (said,) = shortages(weighing(2, "inf2"), 2, 4 * GIB)
    assert said.startswith("The container may use 4,096 MiB of memory, and 2 processes with 2,048 MiB")
    assert "need 5,920 MiB or more while they load: raise spec.serving.resources.limits.memory" in said


@pytest.mark.parametrize(
    ("artifact", "cores", "there"),
    [
        (weighing(3, "inf1"), 1, "2,048 MiB"),
        (weighing(17, "inf2"), 1, "16,384 MiB"),
        (weighing(30, "trn2"), 1, "24,576 MiB"),
        (weighing(20, "trn2", logicalCores=1), 1, "12,288 MiB"),
    ],
)
def test_weights_that_do_not_fit_the_memory_of_their_cores_are_told(
    artifact: Manifest, cores: int, there: str
) -> None:
    (said,) = shortages(artifact, cores, None)
    assert f"have {there} of the accelerator's memory" in said


@pytest.mark.parametrize(
    ("file", "text", "limit"),
    [
        ("memory.max", "4294967296\n", 4 * GIB),
        ("memory.max", "max\n", None),
        ("memory/memory.limit_in_bytes", "4294967296", 4 * GIB),
        ("memory/memory.limit_in_bytes", "9223372036854771712", None),
        ("elsewhere", "1", None),
    ],
)
def test_the_containers_limit_is_its_control_groups(
    tmp_path: Path, file: str, text: str, limit: int | None
) -> None:
    (tmp_path / "memory").mkdir()
    (tmp_path / file).write_text(text)
    assert memory_limit(tmp_path) == limit
