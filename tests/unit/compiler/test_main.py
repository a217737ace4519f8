"""The command as the pod runs it: a real process, its exit code and its last line."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from compiler import requests
from neuron_artifact import Manifest, Publication, manifest_sha256

_ROOT = Path(__file__).resolve().parents[3]
_PARTS = ("images/artifact", "images/compiler", "images/serving", "tests/images/toolbox")
_PATH = os.pathsep.join(str(_ROOT / part) for part in _PARTS)


def start(command: str, **environ: str) -> subprocess.Popen[str]:
    """A command of the compiler; `compile` and `verify` stand for their Job's containers."""
    module = "toolbox.pod" if command in ("compile", "verify") else "neuron_compiler"
    return subprocess.Popen(
        [sys.executable, "-m", module, command],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": _PATH, **environ},
        stdout=subprocess.PIPE,
        text=True,
    )


def run(command: str, **environ: str) -> tuple[int, dict[str, Any]]:
    """The exit code and the termination message, which is the last line of the log."""
    process = start(command, **environ)
    output, _ = process.communicate(timeout=60)
    return process.returncode, json.loads(output.splitlines()[-1])


def publish(store: Path) -> None:
    with Publication(store, requests.DIGEST, "pod") as publication:
        (publication.path / "model.pt").write_bytes(b"compiled")
        publication.publish(
            Manifest.from_dict(
                {
                    "formatVersion": 2,
                    "digest": requests.DIGEST,
                    "createdAt": "2026-01-02T03:04:05Z",
                    "request": {},
                    "revision": None,
                    "family": "cpu",
                    "backend": {
                        "name": "torchscript",
                        "precision": "fp32",
                        "cpuFeatures": [],
                        "candidates": [],
                    },
                    "verification": "Done",
                    "baseline": {},
                    "versions": {"torch": "2.13.0"},
                    "task": "feature-extraction",
                    "pooling": None,
                    "architecture": "GPT2Model",
                    "wrapper": "TokenFeatures",
                    "settings": {},
                    "inputs": [],
                    "outputs": [],
                    "padValues": {},
                    "buckets": [{"name": "b1_s8", "batch": 1, "axes": {"sequence": 8}, "path": "model.pt"}],
                    "parity": None,
                    "benchmark": None,
                    "seconds": {"total": 2.5},
                    "labels": None,
                    "files": [],
                }
            )
        )


def test_an_artifact_that_is_there_needs_no_compiler(tmp_path: Path) -> None:
    publish(tmp_path)
    request = requests.text(parity__policy="Skip")
    code, message = run("compile", COMPILE_REQUEST=request, STORE_PATH=str(tmp_path))
    assert code == 0
    assert (message["outcome"], message["sizeBytes"]) == ("AlreadyPublished", 8)
    assert message["seconds"] == {"total": 2.5}
    assert message["manifestSha256"] == manifest_sha256(tmp_path / requests.DIGEST)


def test_collect_removes_the_artifact_and_may_be_repeated(tmp_path: Path) -> None:
    publish(tmp_path)
    for _ in range(2):
        code, message = run("collect", DIGEST=requests.DIGEST, STORE_PATH=str(tmp_path))
        assert (code, message) == (0, {"outcome": "Collected", "digest": requests.DIGEST})
        assert not (tmp_path / requests.DIGEST).exists()


@pytest.mark.parametrize(
    ("command", "environ", "code", "reason"),
    [
        ("compile", {}, 10, "CompilerCrashed"),
        ("compile", {"COMPILE_REQUEST": "{"}, 10, "CompilerCrashed"),
        (
            "compile",
            {"COMPILE_REQUEST": requests.text(), "STORE_PATH": "/proc/nonexistent"},
            11,
            "StorageUnwritable",
        ),
        (
            "compile",
            {"COMPILE_REQUEST": requests.text(), "SOURCE_PATH": "/nonexistent"},
            10,
            "SourceNotFound",
        ),
        ("compile", {"COMPILE_REQUEST": requests.text(digest="../etc")}, 11, "CompilerCrashed"),
        ("collect", {"DIGEST": "../etc"}, 11, "CompilerCrashed"),
    ],
)
def test_every_failure_ends_in_a_reason_and_an_exit_code(
    tmp_path: Path, command: str, environ: dict[str, str], code: int, reason: str
) -> None:
    ended, message = run(command, **{"STORE_PATH": str(tmp_path), **environ})
    assert (ended, message["outcome"], message["reason"]) == (code, "Failed", reason)
    assert message["message"]


def test_sigterm_ends_a_compile_and_removes_its_directory(tmp_path: Path) -> None:
    store, claim, packages = tmp_path / "store", tmp_path / "claim", tmp_path / "packages"
    for directory in (store, claim / "gpt2", packages):
        directory.mkdir(parents=True)
    (claim / "gpt2/config.json").write_text("{}")
    (claim / "gpt2/model.safetensors").touch()
    # A torch that never finishes importing: the compiling process is alive when the signal comes.
    (packages / "torch.py").write_text("import signal\nprint('importing', flush=True)\nsignal.pause()\n")
    process = start(
        "compile",
        COMPILE_REQUEST=requests.text(),
        STORE_PATH=str(store),
        SOURCE_PATH=str(claim),
        PYTHONPATH=os.pathsep.join((str(packages), _PATH)),
    )
    assert process.stdout is not None
    assert any(line == "importing\n" for line in process.stdout)
    assert len(list((store / ".work").glob("*/*"))) == 2
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 128 + signal.SIGTERM
    assert [path.name for path in (store / ".work").glob("*/*")] == ["lock"]
