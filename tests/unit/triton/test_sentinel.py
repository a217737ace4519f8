"""The sentinel, with real processes: it stops the server when the model's process dies."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from neuron_triton.sentinel import GOODBYE, cause, killed_for_memory


@pytest.fixture
def server() -> Iterator[subprocess.Popen[bytes]]:
    """A process that runs until it is told to stop."""
    command = [sys.executable, "-c", "import signal; signal.pause()"]
    with subprocess.Popen(command) as process:
        yield process
        process.kill()


def sentinel(server: subprocess.Popen[bytes]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "neuron_triton.sentinel", str(server.pid)]
    images = Path(__file__).parents[3] / "images"
    path = os.pathsep.join(str(images / part) for part in ("artifact", "serving", "triton"))
    return subprocess.Popen(command, stdin=subprocess.PIPE, env={**os.environ, "PYTHONPATH": path})


def test_a_model_process_that_ends_without_a_goodbye_takes_the_server_with_it(
    server: subprocess.Popen[bytes],
) -> None:
    with sentinel(server) as process:
        process.communicate(timeout=20)
    assert process.returncode == 0
    assert server.wait(20) == -signal.SIGTERM


def test_a_model_process_that_says_goodbye_leaves_the_server_alone(server: subprocess.Popen[bytes]) -> None:
    with sentinel(server) as process:
        process.communicate(GOODBYE, timeout=20)
    assert process.returncode == 0
    assert server.poll() is None


@pytest.mark.parametrize(
    ("text", "killed"),
    [
        ("low 0\noom 3\noom_kill 1\noom_group_kill 0\n", True),
        ("low 0\noom 0\noom_kill 0\n", False),
        ("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n", True),
        ("oom_kill_disable 1\nunder_oom 0\noom_kill 0\n", False),
        ("oom_kill_disable 1\n", False),
    ],
)
def test_the_kernels_count_tells_whether_memory_was_the_cause(
    tmp_path: Path, text: str, killed: bool
) -> None:
    (tmp_path / "events").write_text(text)
    assert killed_for_memory((tmp_path / "events", tmp_path / "absent")) is killed
    assert cause(killed).reason == ("ServerOutOfMemory" if killed else "WorkerDied")
