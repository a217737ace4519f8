"""One writer for each digest: real processes that hold the lock, end or are killed."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from neuron_artifact import collect, work_path, writer_lock
from unit.artifact.conftest import DIGEST

ENVIRON = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

_HOLD = """
import signal, sys
from pathlib import Path
from neuron_artifact import work_path, writer_lock
with writer_lock(work_path(Path(sys.argv[1]), sys.argv[2]), lambda: print("waiting", flush=True)):
    print("holding", flush=True)
    if "--stay" in sys.argv: signal.pause()
"""

_COLLECT = """
import sys
from pathlib import Path
from neuron_artifact import collect
collect(Path(sys.argv[1]), sys.argv[2])
"""


def start(store: Path, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _HOLD, str(store), DIGEST, *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=ENVIRON)


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    assert select.select([process.stdout], [], [], 30)[0], "the process says nothing"
    return process.stdout.readline().strip()


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_a_second_writer_waits_until_the_first_has_ended_however_it_ends(
    store: Path, end: signal.Signals
) -> None:
    first = start(store, "--stay")
    assert said(first) == "holding"
    second = start(store)
    try:
        assert said(second) == "waiting"
        first.send_signal(end)
        assert said(second) == "holding"
        assert second.wait(30) == 0
    finally:
        for process in (first, second):
            process.kill()
            process.communicate()


def test_the_lock_of_one_digest_keeps_nobody_from_another(store: Path) -> None:
    waited: list[int] = []
    first, other = work_path(store, DIGEST), work_path(store, "f" * 32)
    with writer_lock(first, lambda: waited.append(1)) as alone, writer_lock(other, waited.clear):
        assert alone
        assert waited == []


def test_collecting_takes_the_lock_and_removes_its_file(store: Path, artifact: Path) -> None:
    assert artifact.exists()
    holder = start(store, "--stay")
    assert said(holder) == "holding"
    collector = subprocess.Popen([sys.executable, "-c", _COLLECT, str(store), DIGEST], env=ENVIRON)
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            collector.wait(1)
        assert artifact.exists()
        holder.kill()
        assert collector.wait(30) == 0
    finally:
        for process in (holder, collector):
            process.kill()
            process.communicate()
    assert not artifact.exists()
    assert list((store / ".work").iterdir()) == []
    assert collect(store, DIGEST) is False
