"""The stand-ins' runtime gives cores to one process each, in the documented order of precedence."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

_STANDIN = Path(__file__).parents[2] / "standin"
_CLAIMS = "import neuron_runtime, sys; neuron_runtime.claim(4); print('has', flush=True); sys.stdin.read()"


class Node:
    """A node with two devices of four cores."""

    def __init__(self, directory: Path) -> None:
        (directory / "dev").mkdir()
        for device in range(2):
            (directory / "dev" / f"neuron{device}").touch()
        self._own = {"STANDIN_NEURON_DEV": str(directory / "dev")}
        self._own |= {"STANDIN_NEURON_CORES": str(directory / "cores"), "PYTHONPATH": str(_STANDIN)}
        self._held: list[subprocess.Popen[str]] = []

    def claim(self, **environ: str) -> str:
        """What a process says that claims cores: has, or the runtime's words. It keeps them."""
        process = subprocess.Popen(
            [sys.executable, "-c", _CLAIMS],
            env={**os.environ, **self._own, **environ},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._held.append(process)
        assert process.stdout
        if said := process.stdout.readline().strip():
            return said
        return process.communicate(timeout=20)[1]

    def end(self) -> None:
        """Every process ends, and its cores are free."""
        for process in self._held:
            if process.poll() is None:
                process.communicate(timeout=20)
        self._held.clear()


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def test_visible_cores_win_over_their_number(node: Node) -> None:
    assert node.claim(NEURON_RT_VISIBLE_CORES="0-3", NEURON_RT_NUM_CORES="1") == "has"
    assert "NeuronCore(s) not available - Requested:nc3-nc3" in node.claim(NEURON_RT_VISIBLE_CORES="3")
    assert node.claim(NEURON_RT_VISIBLE_CORES="4") == "has"
    node.end()
    assert node.claim(NEURON_RT_VISIBLE_CORES="3") == "has"
    node.end()


def test_a_number_of_cores_is_taken_of_those_that_are_free_and_without_one_all(node: Node) -> None:
    assert node.claim(NEURON_RT_NUM_CORES="5") == "has"
    assert node.claim(NEURON_RT_NUM_CORES="3") == "has"
    assert "NeuronCore(s) not available" in node.claim(NEURON_RT_NUM_CORES="1")
    node.end()
    assert node.claim() == "has"
    assert "NeuronCore(s) not available" in node.claim(NEURON_RT_VISIBLE_CORES="7")
    node.end()


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({"STANDIN_NEURON_DEV": "/nothing/here"}, "No neuron device available"),
        ({"STANDIN_NEURON_DRIVER": "old"}, "This runtime requires Neuron Driver version"),
    ],
)
def test_a_process_without_a_device_or_with_an_old_driver_gets_no_core(
    node: Node, environ: dict[str, str], says: str
) -> None:
    assert says in node.claim(**environ)
