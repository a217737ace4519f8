"""What a process prints is passed on whole, and what Neuron's runtime says in it is kept."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from neuron_serving.failure import ServingError, explained
from neuron_serving.listening import Listener

_BUSY = "2026-Jan-01 00:00:00.0000 7:7 ERROR  NRT:nrt_allocate_neuron_cores  NeuronCore(s) not available"
_DIES = f"""
import os, sys
print("ready to load", flush=True)
print("{_BUSY}", file=sys.stderr, flush=True)
print("y" * 200_000, flush=True)
os.abort()
"""


def listened(code: str, log: int) -> Listener:
    listener = Listener(log)
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=listener.output, stderr=listener.output) as process:
        listener.given()
        process.wait(20)
    return listener


def test_the_words_of_a_process_that_died_explain_its_end_and_reach_the_log(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log:
        said = listened(_DIES, log.fileno()).said(ended=True)
    passed_on = (tmp_path / "log").read_text()
    assert said == _BUSY
    assert passed_on.startswith("ready to load\n")
    assert "y" * 200_000 in passed_on
    better = explained(ServingError("WorkerDied", "The model's process died."), said)
    assert better.reason == "CoresBusy"
    assert "45 seconds" in better.message


def test_a_log_that_nobody_reads_holds_up_nobody() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    assert listened(_DIES, writing).said(ended=True) == _BUSY
    os.close(writing)


def test_what_has_healed_is_forgotten() -> None:
    listener = listened(f"print({_BUSY!r})", os.open(os.devnull, os.O_WRONLY))
    assert listener.said(ended=True) == _BUSY
    assert listener.seconds >= 0
    listener.forget()
    assert listener.said() == ""


@pytest.mark.parametrize("reason", ["ArtifactCorrupt", "ServerOutOfMemory", "VersionMismatch"])
def test_a_failure_that_has_its_reason_already_keeps_it(reason: str) -> None:
    failure = ServingError(reason, "as it is")
    assert explained(failure, _BUSY) is failure
