"""The processes of a cluster, found by their mark."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster.processes import Processes
from cluster.progress import until

SLEEP = ["sleep", "600"]


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    found = Processes(tmp_path, tmp_path / "logs")
    yield found
    found.kill_all()


def test_a_process_that_runs_is_left_alone(processes: Processes) -> None:
    processes.ensure("sleeper", SLEEP)
    pid = processes.first("sleeper")
    processes.ensure("sleeper", ["sleep", "700"])
    assert processes.first("sleeper") == pid


def test_a_process_that_has_ended_is_started_again_after_its_preparation(processes: Processes) -> None:
    prepared: list[int] = []
    processes.ensure("sleeper", SLEEP, lambda: prepared.append(1))
    os.kill(processes.first("sleeper"), signal.SIGKILL)
    # A killed process is not gone at once.
    until(lambda: processes.running() == {} or None, "the end of the sleeper", seconds=10, interval=0.01)
    with pytest.raises(RuntimeError, match="sleeper has ended"):
        processes.first("sleeper")
    processes.ensure("sleeper", SLEEP, lambda: prepared.append(2))
    assert processes.first("sleeper") in processes.running().values()
    assert prepared == [1, 2]


def test_a_process_started_by_another_command_is_outdated(processes: Processes) -> None:
    processes.ensure("sleeper", SLEEP)
    processes.first("sleeper")
    assert not processes.is_outdated("sleeper", SLEEP)
    assert processes.is_outdated("sleeper", ["sleep", "700"])


def test_a_paused_process_stands_still_and_goes_on_afterwards(processes: Processes) -> None:
    processes.ensure("sleeper", SLEEP)
    stat = Path(f"/proc/{processes.first('sleeper')}/stat")

    def state_is(*states: str) -> None:
        until(lambda: stat.read_text().split()[2] in states or None, "its state", seconds=10, interval=0.01)

    with processes.paused("sleeper"):
        state_is("T")
    state_is("S", "R")


def test_killing_all_ends_what_the_processes_started_too(processes: Processes) -> None:
    processes.ensure("parent", ["sh", "-c", "sleep 600 & wait"])
    processes.first("parent")
    processes.kill_all()
    assert processes.running() == {}


def test_the_processes_of_another_cluster_are_not_seen(processes: Processes, tmp_path: Path) -> None:
    processes.ensure("sleeper", SLEEP)
    processes.first("sleeper")
    assert Processes(tmp_path / "other", tmp_path / "logs").running() == {}
