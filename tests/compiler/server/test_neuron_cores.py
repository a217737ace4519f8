"""Servers that meet Neuron's runtime when they load: the real loading against the stand-ins' cores.

The process that loads stands where tritonserver stands, below the supervisor.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from compiler import models, requests
from compiler.command import run
from neuron_artifact import artifact_path

_STANDIN = Path(__file__).parents[2] / "standin"
_LOADS = """
import sys
from collections.abc import Mapping
from pathlib import Path
from neuron_artifact import read_manifest
from neuron_serving import cores
from neuron_serving.failure import load_failure, report
from neuron_serving.loading import load
directory, turn, message, core = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
try:
    load(directory, read_manifest(directory), cores.environment([core]), 1, turn)
except Exception as error:
    report(load_failure(error), message)
    raise
print("loaded", flush=True)
sys.stdin.read()
"""
_SUPERVISED = """
import sys
from collections.abc import Mapping
from pathlib import Path
from neuron_triton.supervisor import Supervisor
message = Path(sys.argv[1])
sys.exit(Supervisor(["sleep", "600"], sys.argv[2:], listens=True, message=message).run())
"""


class Pod:
    """One container that serves an artifact on a node."""

    def __init__(self, node: Path, artifact: Path) -> None:
        self.message = node / "termination-log"
        self.message.write_text("")
        self._node = node
        self._loads = [sys.executable, "-c", _LOADS, str(artifact), str(node / "turn"), str(self.message)]

    def start(
        self, core: int, environ: Mapping[str, str] | None = None, *, supervised: bool = True
    ) -> "subprocess.Popen[str]":
        command = [*self._loads, str(core)]
        if supervised:
            command = [sys.executable, "-c", _SUPERVISED, str(self.message), *command]
        path = os.pathsep.join([*sys.path, str(_STANDIN)])
        standin = {"STANDIN_NEURON_CORES": str(self._node / "cores"), "PYTHONPATH": path}
        return subprocess.Popen(
            command,
            env={**os.environ, **standin, **(environ or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def told(self, process: "subprocess.Popen[str]") -> dict[str, Any]:
        process.communicate(timeout=120)
        assert process.returncode == 1
        said: dict[str, Any] = json.loads(self.message.read_text())
        return said


def compiled(target: str, directory: Path) -> Path:
    """The artifact of a tiny GPT-2."""
    for name in ("store", "claim/model"):
        (directory / name).mkdir(parents=True)
    models.gpt2(directory / "claim/model")
    asked: dict[str, Any] = {
        "model__uri": "pvc://models/model",
        "target": target,
        "compile__autoCast": "none",
    }
    asked |= {"compile__sequenceLengths": [8], "benchmark__seconds": 0}
    environ = {"NEURON_RT_VISIBLE_CORES": "0", "STANDIN_NEURON_CORES": str(directory / "cores")}
    path = os.pathsep.join([os.environ.get("PYTHONPATH", ""), str(_STANDIN)])
    done = run("compile", directory, asked, path, environ)
    assert done["code"] == 0, done
    return artifact_path(directory / "store", requests.DIGEST)


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled("inf2", tmp_path_factory.mktemp("node"))


def test_a_core_that_another_pod_still_has_is_waited_for_and_taken_when_it_is_free(
    artifact: Path, tmp_path: Path
) -> None:
    pod = Pod(tmp_path, artifact)
    before = pod.start(0, supervised=False)
    assert before.stdout
    assert before.stdout.readline() == "loaded\n"
    beside = pod.start(1, supervised=False)
    assert beside.stdout
    assert beside.stdout.readline() == "loaded\n"
    said = pod.told(pod.start(0))
    assert said["reason"] == "CoresBusy"
    assert "NeuronCore(s) not available - Requested:nc0-nc0" in said["message"]
    before.communicate(timeout=60)
    again = pod.start(0)
    assert again.stdout
    assert again.stdout.readline() == "loaded\n"
    for process in (again, beside):
        process.communicate(timeout=60)


@pytest.mark.parametrize(
    ("environ", "reason", "says"),
    [
        ({"STANDIN_NEURON_DRIVER": "old"}, "DriverMismatch", "requires Neuron Driver version 2.27"),
        ({"STANDIN_NEURON_DEV": "/nothing/here"}, "DeviceMissing", "No neuron device available"),
    ],
)
def test_what_the_runtime_prints_is_the_servers_reason(
    artifact: Path, tmp_path: Path, environ: dict[str, str], reason: str, says: str
) -> None:
    pod = Pod(tmp_path, artifact)
    said = pod.told(pod.start(0, environ))
    assert said["reason"] == reason
    assert says in said["message"]
    assert "infodump" not in said["message"]


def test_a_model_for_another_kind_of_device_is_a_mismatch_of_versions(artifact: Path, tmp_path: Path) -> None:
    pod = Pod(tmp_path, artifact)
    said = pod.told(pod.start(0, {"STANDIN_NEURON_TARGET": "trn1"}))
    assert said["reason"] == "VersionMismatch"


_WORKER = """
import os, sys
from pathlib import Path
from types import SimpleNamespace
from neuron_torchserve import handler
handler.CORES = Path(sys.argv[2])
said = {"model": "m", "artifact": sys.argv[1], "threads": 1, "cores": 4}
worker = handler.Handler()
worker.initialize(SimpleNamespace(model_yaml_config={"handler": said}))
print(os.environ["NEURON_RT_VISIBLE_CORES"], flush=True)
sys.stdin.read()
"""


def worker(node: Path, artifact: Path) -> "subprocess.Popen[str]":
    """One of TorchServe's workers, which all inherit the container's four cores."""
    environ = {"NEURON_RT_VISIBLE_CORES": "0-3", "STANDIN_NEURON_CORES": str(node / "cores")}
    path = os.pathsep.join([*sys.path, str(_STANDIN)])
    return subprocess.Popen(
        [sys.executable, "-c", _WORKER, str(artifact), str(node / "taken")],
        env={**os.environ, **environ, "PYTHONPATH": path},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_four_workers_of_torchserve_have_a_core_each_and_a_new_one_that_of_the_one_that_died(
    tmp_path: Path,
) -> None:
    artifact = compiled("inf1", tmp_path / "inf1")
    workers = [worker(tmp_path, artifact) for _ in range(4)]
    taken = [process.stdout.readline().strip() for process in workers if process.stdout]
    assert sorted(taken) == ["0", "1", "2", "3"]
    fifth = worker(tmp_path, artifact)
    assert "have a process already" in fifth.communicate(timeout=60)[1]
    workers[1].kill()
    workers[1].communicate(timeout=60)
    again = worker(tmp_path, artifact)
    assert again.stdout
    assert again.stdout.readline().strip() == taken[1]
    for process in (*workers[:1], *workers[2:], again):
        process.communicate(timeout=60)
