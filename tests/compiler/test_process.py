"""The command as the pod runs it, torch included: a real model becomes an artifact in a store."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from compiler import models, requests
from neuron_artifact import artifact_path, verify
from neuron_compiler.shapes import Clock


def run(tmp_path: Path, memory: int | None = None, **changes: Any) -> tuple[int, dict[str, Any], str]:
    """Compiles the model of tmp_path/claim with at most `memory` bytes; returns code, message and log."""
    (tmp_path / "store").mkdir(exist_ok=True)
    defaults = {
        "model__uri": "pvc://models/model",
        "compile__sequenceLengths": [8, 16],
        "benchmark__seconds": 0,
    }
    environ = {
        **os.environ,
        "COMPILE_REQUEST": requests.text(**{**defaults, **changes}),
        "STORE_PATH": str(tmp_path / "store"),
        "SOURCE_PATH": str(tmp_path / "claim"),
    }
    command = [sys.executable, "-m", "toolbox.pod", "compile"]
    limit = ["prlimit", f"--data={memory}"] if memory else []
    done = subprocess.run(
        [*limit, *command], env=environ, stdout=subprocess.PIPE, text=True, timeout=300, check=False
    )
    return done.returncode, json.loads(done.stdout.splitlines()[-1]), done.stdout


def test_a_model_on_a_claim_becomes_an_artifact(tmp_path: Path) -> None:
    (tmp_path / "claim/model").mkdir(parents=True)
    models.gpt2(tmp_path / "claim/model")
    code, message, log = run(tmp_path)
    assert (code, message["outcome"]) == (0, "Published"), log
    manifest = verify(artifact_path(tmp_path / "store", requests.DIGEST), requests.DIGEST)
    assert [bucket.name for bucket in manifest.buckets] == ["b1_s8", "b1_s16"]
    assert message["parity"] == (manifest.parity and manifest.parity.to_dict())
    assert message["sizeBytes"] == sum(entry.bytes for entry in manifest.files)
    assert set(message["seconds"]) == {"fetch", "compile", "parity", "publish", "total"}
    assert all(f"{step}:" in log for step in ("fetch", "compile", "parity", "publish"))


def test_a_failure_of_the_compiling_process_reaches_the_message(tmp_path: Path) -> None:
    (tmp_path / "claim/model").mkdir(parents=True)
    models.gpt2(tmp_path / "claim/model")
    code, message, log = run(tmp_path, compile__sequenceLengths=[65])
    assert (code, message["reason"]) == (10, "SequenceTooLong"), log
    assert [path.name for path in (tmp_path / "store/.work").rglob("*")] == [requests.DIGEST, "lock"]


def test_a_compiler_without_memory_is_told_as_such(tmp_path: Path) -> None:
    (tmp_path / "claim/model").mkdir(parents=True)
    models.gpt2(tmp_path / "claim/model")
    # A call of 2^22 tokens needs more than 2 GiB for its activations, torch itself much less than the limit.
    code, message, log = run(
        tmp_path, memory=3 * 2**29, compile__sequenceLengths=[64], compile__batchSizes=[2**16]
    )
    assert (code, message["reason"]) == (10, "CompilerOutOfMemory"), log


LEAVING = """
import atexit, sys, types
from neuron_compiler.speaking import leave
sys.modules |= {name: types.ModuleType(name) for name in sys.argv[1:]}
atexit.register(print, "taken down")
print("said", end=" ")
leave(7)
"""


@pytest.mark.parametrize(
    ("modules", "said"),
    [((), "said "), (("torch_neuronx",), "said taken down\n"), (("torch_neuron",), "said taken down\n")],
)
def test_a_process_ends_at_once_unless_it_has_a_neuron_runtime(modules: tuple[str, ...], said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LEAVING, *modules], stdout=subprocess.PIPE, text=True, timeout=100, check=False
    )
    assert (done.returncode, done.stdout) == (7, said)


def test_every_event_names_the_step_that_it_is_of() -> None:
    told: list[Mapping[str, Any]] = []
    clock = Clock(told.append)
    with clock.step("compile"), clock.reading("hf://a/b"):
        pass
    with clock.step("parity"):
        pass
    assert [event["step"] for event in told] == ["compile", "compile", "compile", "parity"]
    assert [event["reading"] for event in told if "reading" in event] == ["hf://a/b", None]
