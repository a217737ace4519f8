"""Process 1 of a Triton pod, with shells in the place of tritonserver and its guard."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

WAITS = "while :; do sleep 0.02; done"


def supervise(guard: str, server: str, port: int = 1) -> subprocess.Popen[bytes]:
    both = ["sh", "-c", guard, "--", "sh", "-c", server]
    command = [sys.executable, "-m", "neuron_triton.supervisor", str(port), *both]
    return subprocess.Popen(command, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})


def until_there(*files: Path) -> None:
    subprocess.run(
        ["sh", "-c", "for f; do until [ -e $f ]; do sleep 0.02; done; done", "", *files],
        timeout=20,
        check=True,
    )


def test_the_guard_finishes_first_and_then_the_server(tmp_path: Path) -> None:
    said = tmp_path / "said"
    guard = f"trap 'echo guard >> {said}; exit 0' USR1; touch {tmp_path}/guard; {WAITS}"
    server = f"trap 'echo server >> {said}; exit 0' TERM; touch {tmp_path}/server; {WAITS}"
    process = supervise(guard, server)
    until_there(tmp_path / "guard", tmp_path / "server")
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    assert said.read_text().split() == ["guard", "server"]


def test_the_server_ends_when_its_clients_have_left(tmp_path: Path) -> None:
    said = tmp_path / "said"
    guard = f"trap 'touch {said}-guard; exit 0' USR1; touch {tmp_path}/guard; {WAITS}"
    server = f"trap 'touch {said}-server; exit 0' TERM; touch {tmp_path}/server; {WAITS}"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)), listener.accept()[0]:
            process = supervise(guard, server, port)
            until_there(tmp_path / "guard", tmp_path / "server")
            process.send_signal(signal.SIGTERM)
            until_there(tmp_path / "said-guard")
            # Long enough for a supervisor that does not wait.
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(1)
            assert not (tmp_path / "said-server").exists()
        assert process.wait(20) == 0
    assert (tmp_path / "said-server").exists()


@pytest.mark.parametrize(("end", "code"), [("exit 3", 3), ("kill -ABRT $$", 134)])
def test_a_server_that_dies_takes_the_guard_along_and_its_code_is_told(
    tmp_path: Path, end: str, code: int
) -> None:
    guard = f"trap 'touch {tmp_path}/ended; exit 0' TERM; touch {tmp_path}/guard; {WAITS}"
    process = supervise(guard, f"until [ -e {tmp_path}/guard ]; do sleep 0.02; done; {end}")
    assert process.wait(20) == code
    assert (tmp_path / "ended").exists()


def test_a_guard_that_dies_takes_the_server_along() -> None:
    assert supervise("exit 1", f"trap 'exit 0' TERM; {WAITS}").wait(20) != 0


def test_processes_of_others_that_end_are_left_alone(tmp_path: Path) -> None:
    orphan = f"(sleep 0.05; touch {tmp_path}/orphan) &"
    process = supervise(f"trap 'exit 0' USR1; {orphan} {WAITS}", f"trap 'exit 0' TERM; {WAITS}")
    until_there(tmp_path / "orphan")
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
