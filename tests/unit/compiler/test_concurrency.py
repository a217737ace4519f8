"""How many buckets are compiled at a time, and what becomes of the processes that compile them."""

import sys
from pathlib import Path

import pytest
from neuron_compiler.concurrency import Memory, at_once, compile_apart, memory
from neuron_compiler.failure import CompileError
from neuron_compiler.progress import Progress

_GIB = 2**30

# What a bucket's process does in place of compiling: it leaves a file, or fails, or is killed.
_WORKER = """
import json, os, pathlib, signal, sys, time
words = dict(zip(sys.argv[1::2], sys.argv[2::2]))
name, output = words["--bucket"], pathlib.Path(words["--output"])
pipe = os.fdopen(int(words["--report"]), "w", buffering=1)
pipe.write(json.dumps({"step": "compile"}) + "\\n")
if name == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
if name == "failing":
    failed = {"reason": "DynamicShape", "message": "It depends on its data.", "heals": False}
    pipe.write(json.dumps({"failed": failed}) + "\\n")
    sys.exit(0)
(output / name).write_text(" ".join([words["--backend"], words["--precision"], words["--threads-of"]]))
if name.startswith("meeting"):
    deadline = time.monotonic() + 20
    while len(list(output.glob("meeting*"))) < 2:
        if time.monotonic() > deadline:
            sys.exit("the other one never came")
pipe.write(json.dumps({"done": {}}) + "\\n")
"""


@pytest.mark.parametrize(
    ("buckets", "seconds", "room", "processors", "expected"),
    [
        pytest.param(5, 60, Memory(64 * _GIB, 2 * _GIB, 4 * _GIB), 8, 5, id="as many as are left"),
        pytest.param(5, 60, Memory(64 * _GIB, 2 * _GIB, 4 * _GIB), 3, 3, id="a processor for each"),
        pytest.param(5, 60, Memory(11 * _GIB, 2 * _GIB, 4 * _GIB), 8, 2, id="as far as memory goes"),
        pytest.param(5, 60, Memory(8 * _GIB, 2 * _GIB, 4 * _GIB), 8, 1, id="no memory for two"),
        pytest.param(5, 60, Memory(0, 2 * _GIB, 4 * _GIB), 8, 1, id="a limit that is not known"),
        pytest.param(5, 3, Memory(64 * _GIB, 2 * _GIB, 4 * _GIB), 8, 1, id="too quick for processes"),
        pytest.param(0, 60, Memory(64 * _GIB, 2 * _GIB, 4 * _GIB), 8, 1, id="none left"),
    ],
)
def test_buckets_are_compiled_at_a_time_as_far_as_memory_allows(
    buckets: int, seconds: float, room: Memory, processors: int, expected: int
) -> None:
    assert at_once(buckets, seconds, room, processors) == expected


def test_memory_is_that_of_this_process_and_its_limit() -> None:
    found = memory({"MEMORY_LIMIT": str(3 * _GIB)})
    assert found.limit == 3 * _GIB
    assert 0 < found.held <= found.peak < 100 * _GIB
    assert memory({}).limit == 0


def apart(output: Path, *names: str, workers: int = 2) -> None:
    made = Progress("compile", "buckets", len(names))
    by = ("inductor", "fp32")
    compile_apart(output, output, by, names, workers, made, (sys.executable, "-c", _WORKER))


def test_two_buckets_are_compiled_at_the_same_time(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    apart(tmp_path, "meeting-1", "meeting-2")
    assert (tmp_path / "meeting-1").read_text() == "inductor fp32 2"
    said = capfd.readouterr().out
    assert "compile: 2 buckets, 2 at a time" in said
    assert '"done": 2, "total": 2' in said


@pytest.mark.parametrize(("name", "reason"), [("killed", "CompilerOutOfMemory"), ("failing", "DynamicShape")])
def test_a_bucket_that_fails_is_the_failure_and_no_other_is_begun(
    tmp_path: Path, name: str, reason: str
) -> None:
    with pytest.raises(CompileError) as raised:
        apart(tmp_path, name, *(f"later-{number}" for number in range(30)), workers=1)
    assert (raised.value.reason, raised.value.step) == (reason, "compile")
    assert len(list(tmp_path.iterdir())) < 30
