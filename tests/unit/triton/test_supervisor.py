"""Process 1 of a Triton pod, with shells in the place of tritonserver and the front before it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

WAITS = "while :; do sleep 0.02; done"


def supervise(front: str, server: str) -> subprocess.Popen[bytes]:
    both = ["sh", "-c", front, "--", "sh", "-c", server]
    command = [sys.executable, "-m", "neuron_triton.supervisor", *both]
    return subprocess.Popen(command, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})


def until_there(*files: Path) -> None:
    subprocess.run(
        ["sh", "-c", "for f; do until [ -e $f ]; do sleep 0.02; done; done", "", *files],
        timeout=20,
        check=True,
    )


def test_the_front_finishes_first_and_then_the_server(tmp_path: Path) -> None:
    said = tmp_path / "said"
    front = f"trap 'echo front >> {said}; exit 0' TERM; touch {tmp_path}/front; {WAITS}"
    server = f"trap 'echo server >> {said}; exit 0' TERM; touch {tmp_path}/server; {WAITS}"
    process = supervise(front, server)
    until_there(tmp_path / "front", tmp_path / "server")
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    assert said.read_text().split() == ["front", "server"]


@pytest.mark.parametrize(("end", "code"), [("exit 3", 3), ("kill -ABRT $$", 134)])
def test_a_server_that_dies_takes_the_front_along_and_its_code_is_told(
    tmp_path: Path, end: str, code: int
) -> None:
    front = f"trap 'touch {tmp_path}/ended; exit 0' TERM; touch {tmp_path}/front; {WAITS}"
    process = supervise(front, f"until [ -e {tmp_path}/front ]; do sleep 0.02; done; {end}")
    assert process.wait(20) == code
    assert (tmp_path / "ended").exists()


def test_a_front_that_dies_takes_the_server_along() -> None:
    assert supervise("exit 1", f"trap 'exit 0' TERM; {WAITS}").wait(20) != 0


def test_processes_of_others_that_end_are_left_alone(tmp_path: Path) -> None:
    orphan = f"(sleep 0.05; touch {tmp_path}/orphan) &"
    process = supervise(f"trap 'exit 0' TERM; {orphan} {WAITS}", f"trap 'exit 0' TERM; {WAITS}")
    until_there(tmp_path / "orphan")
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
