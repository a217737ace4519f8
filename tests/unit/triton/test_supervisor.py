"""Process 1 of a Triton pod, with shells in the place of tritonserver and the front before it."""

import json
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


_EXPLAINS = """
import sys
from pathlib import Path
from neuron_triton.supervisor import Supervisor
message, front, server = Path(sys.argv[1]), ["sleep", "60"], ["sh", "-c", sys.argv[2]]
sys.exit(Supervisor(front, server, listens=sys.argv[3] == "yes", message=message).run())
"""
_REPORTED = json.dumps({"reason": "LoadFailed", "message": "RuntimeError: it could not be initialized"})


@pytest.mark.parametrize(
    ("listens", "printed", "reason"),
    [
        (
            "yes",
            "7:7 ERROR  NRT:nrt_init  This runtime requires Neuron Driver version 2.27",
            "DriverMismatch",
        ),
        ("yes", "7:7 ERROR  NRT:nrt_allocate_neuron_cores  NeuronCore(s) not available", "CoresBusy"),
        ("yes", "nothing of the kind", "LoadFailed"),
        ("no", "7:7 ERROR  NRT:nrt_allocate_neuron_cores  NeuronCore(s) not available", "LoadFailed"),
    ],
)
def test_a_failed_load_is_told_as_neurons_runtime_explains_it(
    tmp_path: Path, listens: str, printed: str, reason: str
) -> None:
    message = tmp_path / "termination-log"
    message.touch()
    # As in a pod: the runtime prints, the model's process reports what Python says, the server ends.
    server = f"echo '{printed}' >&2; echo '{_REPORTED}' > {message}; exit 1"
    command = [sys.executable, "-c", _EXPLAINS, str(message), server, listens]
    done = subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert printed in (done.stdout + done.stderr).decode()
    assert json.loads(message.read_text())["reason"] == reason
