"""TorchServe's process while its workers load, with a shell in TorchServe's place."""

import queue
from collections.abc import Callable
from pathlib import Path

import pytest
from neuron_serving.failure import ServingError
from neuron_torchserve import server
from neuron_torchserve.server import TorchServe

_AT = "2026-01-01T00:00:00,000 WARN  W-9000-model_1.0-stderr MODEL_LOG - 2026-Jan-01 00:00:00.0000 7:7 ERROR "
BUSY = f"{_AT} NRT:nrt_allocate_neuron_cores  NeuronCore(s) not available - Requested:nc0-nc0 Available:0"
OLD = f"{_AT} NRT:nrt_init  This runtime requires Neuron Driver version 2.27 or greater."
Start = Callable[..., tuple[TorchServe, "queue.Queue[str]"]]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Starts a script as TorchServe; what its end is said to be comes in the queue."""
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(server, "workers_ready", lambda model: (tmp_path / "ready").exists())

    def started(script: str, *, listens: bool = True) -> tuple[TorchServe, "queue.Queue[str]"]:
        program = tmp_path / "torchserve"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        ends: queue.Queue[str] = queue.Queue()
        environment = {"PATH": "/usr/bin:/bin"}
        return TorchServe(tmp_path / "c", tmp_path / "s", environment, ends.put, listens=listens), ends

    return started


@pytest.mark.parametrize(
    ("line", "listens", "reason"),
    [
        (BUSY, True, "CoresBusy"),
        (OLD, True, "DriverMismatch"),
        ("a", True, "LoadFailed"),
        (OLD, False, "LoadFailed"),
    ],
)
def test_workers_that_can_not_load_are_explained_by_neurons_runtime(
    start: Start, line: str, listens: bool, reason: str
) -> None:
    torchserve, ends = start(f"echo '{line}'; exit 1", listens=listens)
    assert (line in ends.get(timeout=20)) is (listens and line != "a")
    with pytest.raises(ServingError) as caught:
        torchserve.until_ready("model", 20)
    assert caught.value.reason == reason


def test_what_each_worker_says_again_is_not_waited_for_any_longer(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_SURE_SECONDS", 0.1)
    torchserve, _ = start(f"while :; do echo '{OLD}'; sleep 0.05; done")
    with pytest.raises(ServingError) as caught:
        torchserve.until_ready("model", 600)
    assert caught.value.reason == "DriverMismatch"
    torchserve.stop()


def test_cores_that_come_free_are_waited_for_and_forgotten(
    start: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # The limit for what does not heal is none for what does.
    monkeypatch.setattr(server, "_SURE_SECONDS", 0.0)
    torchserve, ends = start(f"echo '{BUSY}'; until [ -e {tmp_path}/over ]; do sleep 0.05; done")
    monkeypatch.setattr(server, "workers_ready", lambda model: BUSY in torchserve._said())
    torchserve.until_ready("model", 20)
    (tmp_path / "over").touch()
    assert ends.get(timeout=20) == ""
