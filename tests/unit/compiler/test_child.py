"""The compiling process and what becomes of it: the workers here are real processes that report, die or
fail.
"""

import json
import os
import select
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from neuron_compiler.child import compile_in_child
from neuron_compiler.failure import CompileError

_START = """
import json, os, signal, sys
pipe = os.fdopen(int(sys.argv[sys.argv.index("--report") + 1]), "w", buffering=1)
def say(event): pipe.write(json.dumps(event) + "\\n")
say({"step": "compile"})
"""


def run(program: str, tmp_path: Path) -> dict[str, object]:
    return compile_in_child(tmp_path, tmp_path, dict(os.environ), (sys.executable, "-c", _START + program))


def test_what_the_worker_compiled_is_returned(tmp_path: Path) -> None:
    assert run('say({"step": "parity"}); say({"done": {"buckets": []}})', tmp_path) == {"buckets": []}


@pytest.mark.parametrize(
    ("program", "reason", "code"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", "CompilerOutOfMemory", 10),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "CompilerCrashed", 11),
        ("os.abort()", "CompilerCrashed", 11),
        ("sys.exit(137)", "CompilerOutOfMemory", 10),
        ("sys.exit(3)", "CompilerCrashed", 11),
        ("sys.exit(0)", "CompilerCrashed", 11),
    ],
)
def test_a_worker_that_dies_is_a_result(tmp_path: Path, program: str, reason: str, code: int) -> None:
    with pytest.raises(CompileError, match="during the step parity") as caught:
        run('say({"step": "parity"})\n' + program, tmp_path)
    assert (caught.value.reason, caught.value.exit_code) == (reason, code)


def test_a_failure_keeps_its_reason_and_its_parity(tmp_path: Path) -> None:
    parity = {
        "passed": False,
        "metric": "MaxAbs",
        "value": 2.0,
        "tolerance": 1.0,
        "maxAbs": 2.0,
        "maxRel": 1.0,
        "cosine": 0.5,
        "buckets": [],
    }
    event = {
        "failed": {
            "outcome": "Failed",
            "reason": "ParityFailed",
            "message": "m",
            "heals": False,
            "parity": parity,
        }
    }
    with pytest.raises(CompileError) as caught:
        run(f"say(json.loads({json.dumps(event)!r}))", tmp_path)
    assert caught.value.reason == "ParityFailed"
    assert caught.value.parity is not None
    assert caught.value.parity.to_dict() == parity


def test_a_failure_tells_its_step_and_the_last_lines_of_the_log(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    program = """
say({"step": "parity"})
for n in range(1000): print("line", n, flush=True)
print('progress: {"step": "parity"}', flush=True)
print("on stderr", file=sys.stderr, flush=True)
os.kill(os.getpid(), signal.SIGSEGV)
"""
    with pytest.raises(CompileError) as caught:
        run(program, tmp_path)
    assert caught.value.step == "parity"
    assert caught.value.log.endswith("line 999\non stderr\n")
    assert len(caught.value.log.encode()) <= 1500
    assert "line 0\n" in capfd.readouterr().out


def test_processes_that_the_worker_started_end_with_it(tmp_path: Path) -> None:
    program = """
import subprocess
compiler = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
say({"done": {"pid": compiler.pid}})
"""
    pid = run(program, tmp_path)["pid"]
    assert isinstance(pid, int)
    with suppress(ProcessLookupError):
        descriptor = os.pidfd_open(pid)
        ended, _, _ = select.select([descriptor], [], [], 10)
        os.close(descriptor)
        assert ended, "the compiler's own process still runs"


@pytest.mark.parametrize(
    "said",
    ["no JSON", "[" * 5000, "[]", '"text"', '{"failed": 7}', '{"failed": {"reason": "x"}}', '{"done": [1]}'],
)
def test_a_models_code_that_writes_where_the_compiler_reports_is_told_so(tmp_path: Path, said: str) -> None:
    with pytest.raises(CompileError) as caught:
        run(f"pipe.write({said!r} + chr(10))", tmp_path)
    assert (caught.value.reason, caught.value.exit_code) == ("CustomCodeFailed", 10)


def test_a_report_without_end_is_not_kept_in_memory(tmp_path: Path) -> None:
    with pytest.raises(CompileError, match="has written into"):
        run("[pipe.write('x' * (1 << 20)) for _ in range(64)]", tmp_path)


def test_what_a_models_code_prints_is_printable(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    program = r"""
sys.stdout.buffer.write(b"\x1b[31mred\x00\xff\nprogress 1\rprogress 2\n"); sys.stdout.flush()
sys.exit(3)
"""
    with pytest.raises(CompileError) as caught:
        run(program, tmp_path)
    assert caught.value.log == capfd.readouterr().out == "?[31mred?\ufffd\nprogress 1\nprogress 2\n"


@pytest.mark.parametrize(
    ("number", "reason"), [(6, "ModelUnreadable"), (11, "ModelUnreadable"), (9, "CompilerOutOfMemory")]
)
def test_a_library_that_ends_the_process_over_a_models_file_would_again(
    tmp_path: Path, number: int, reason: str
) -> None:
    with pytest.raises(CompileError) as caught:
        run(f'say({{"reading": "hf://a/b"}}); os.kill(os.getpid(), {number})', tmp_path)
    assert (caught.value.reason, caught.value.heals) == (reason, False)


def test_after_reading_a_crash_is_the_compilers(tmp_path: Path) -> None:
    with pytest.raises(CompileError) as caught:
        run('say({"reading": "hf://a/b"}); say({"reading": None}); os.abort()', tmp_path)
    assert (caught.value.reason, caught.value.heals) == ("CompilerCrashed", True)
