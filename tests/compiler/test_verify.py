"""Compiled on an ordinary node, verified where the accelerator is: the real code against a stand-in of
torch_neuronx that computes on the CPU.
"""

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from compiler import models, requests
from compiler.command import run
from neuron_artifact import ArtifactUnverified, artifact_path, read_verification, verify, whole
from transformers import GPT2Model, ResNetConfig, ResNetForImageClassification

_STANDIN = Path(__file__).parents[1] / "standin"


class Node:
    """Runs commands of the compiler image as a pod on one of two kinds of nodes does."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        for name in ("store", "claim/model"):
            (directory / name).mkdir(parents=True)
        self.model = directory / "claim/model"

    @property
    def artifact(self) -> Path:
        return artifact_path(self.directory / "store", requests.DIGEST)

    def run(
        self, command: str, *, device: bool = False, cwd: Path | None = None, **changes: Any
    ) -> dict[str, Any]:
        """The termination message of a command."""
        asked = {
            "model__uri": "pvc://models/model",
            "target": "inf2",
            "compile__placement": "CPU",
            "compile__autoCast": "none",
            "compile__sequenceLengths": [8],
            "benchmark__seconds": 0.1,
            **changes,
        }
        path = os.pathsep.join([os.environ.get("PYTHONPATH", ""), str(_STANDIN)])
        environ = {"STANDIN_NEURON_CORES": str(self.directory / "cores")}
        environ |= {"NEURON_RT_VISIBLE_CORES": "0"} if device else {}
        return run(command, self.directory, asked, path, environ, cwd)


@pytest.fixture
def node(tmp_path: Path) -> Node:
    node = Node(tmp_path)
    models.gpt2(node.model)
    return node


_CODE = """
import torch


def load(directory):
    torch.manual_seed(0)
    return torch.nn.Linear(3, 2)


def example_inputs(batch):
    return {"values": torch.linspace(-1, 1, 3 * batch).reshape(batch, 3)}
"""


def _image(directory: Path) -> dict[str, Any]:
    torch.manual_seed(0)
    config = ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic", num_labels=3
    )
    ResNetForImageClassification(config).save_pretrained(directory)
    return {"model__task": "image-classification", "compile__imageSizes": [32]}


def _custom(directory: Path) -> dict[str, Any]:
    (directory / "neuron_model.py").write_text(_CODE)
    return {"model__task": "custom", "model__trustRemoteCode": True}


def test_what_an_ordinary_node_compiled_is_served_once_the_accelerator_has_passed_it(node: Node) -> None:
    compiled = node.run("compile")
    assert (compiled["code"], compiled["outcome"], compiled["verification"]) == (0, "Published", "Needed")
    assert (compiled["parity"], compiled["benchmark"]) == (None, None)
    assert compiled["backend"] == {"name": "torch_neuronx", "precision": "fp32", "deviceShare": 1.0}
    assert whole(node.artifact).baseline["b1_s8"] > 0
    with pytest.raises(ArtifactUnverified, match="is not verified on the accelerator yet"):
        verify(node.artifact)

    verified = node.run("verify", device=True)
    assert (verified["code"], verified["outcome"], verified["verification"]) == (0, "Verified", "Done")
    assert verified["parity"]["passed"]
    assert verified["parity"]["buckets"][0]["bucket"] == "b1_s8"
    baseline = whole(node.artifact).baseline["b1_s8"]
    assert verified["benchmark"]["cpuBaselinePerSecond"] == pytest.approx(baseline, rel=1e-3)
    assert verify(node.artifact).digest == requests.DIGEST

    again = node.run("verify")
    assert (again["code"], again["parity"]) == (0, verified["parity"])
    assert node.run("compile")["outcome"] == "AlreadyPublished"


@pytest.mark.parametrize(("save", "bucket"), [(_image, "b1_i32"), (_custom, "b1")])
def test_images_and_custom_modules_are_verified_too(
    tmp_path: Path, save: Callable[[Path], dict[str, Any]], bucket: str
) -> None:
    node = Node(tmp_path)
    changes = {**save(node.model), "compile__sequenceLengths": []}
    assert node.run("compile", **changes)["verification"] == "Needed"
    verified = node.run("verify", device=True, **changes)
    assert (verified["code"], verified["outcome"]) == (0, "Verified")
    assert [(each["bucket"], each["passed"]) for each in verified["parity"]["buckets"]] == [(bucket, True)]
    assert verify(node.artifact).digest == requests.DIGEST


@pytest.mark.parametrize(("target", "placement"), [("cpu", "Accelerator"), ("inf2", "CPU")])
def test_what_was_never_compared_is_compared_when_the_policy_is_no_longer_skip(
    node: Node, target: str, placement: str
) -> None:
    changes: dict[str, Any] = {"target": target, "compile__placement": placement}
    commands = ["compile"] if placement == "Accelerator" else ["compile", "verify"]

    def run(policy: str) -> dict[str, Any]:
        asked: dict[str, Any] = {**changes, "parity__policy": policy}
        return [node.run(command, device=command == "verify", **asked) for command in commands][-1]

    assert run("Skip")["parity"] is None
    made = (node.artifact / "manifest.json").read_bytes()
    passed = run("Block")
    assert (passed["code"], passed["parity"]["passed"]) == (0, True)
    assert [each["bucket"] for each in passed["parity"]["buckets"]] == ["b1_s8"]
    shutil.rmtree(node.model)
    assert run("Block")["parity"] == passed["parity"]
    assert (node.artifact / "manifest.json").read_bytes() == made
    assert verify(node.artifact).digest == requests.DIGEST


def test_what_was_never_compared_and_differs_is_told_and_stays_as_it_was(node: Node) -> None:
    changes: dict[str, Any] = {"target": "cpu", "compile__placement": "Accelerator"}
    assert node.run("compile", **changes, parity__policy="Skip")["code"] == 0
    before = {path: path.read_bytes() for path in node.artifact.rglob("*") if path.is_file()}
    other = GPT2Model.from_pretrained(node.model)
    torch.nn.init.normal_(other.wpe.weight)
    other.save_pretrained(node.model)
    failed = node.run("compile", **changes, parity__policy="Block")
    assert (failed["code"], failed["reason"]) == (10, "ParityFailed")
    assert failed["parity"]["maxAbs"] > 1e-2
    assert {path: path.read_bytes() for path in node.artifact.rglob("*") if path.is_file()} == before
    assert node.run("compile", **changes, parity__policy="Skip")["outcome"] == "AlreadyPublished"


def test_what_is_too_slow_on_the_accelerator_is_never_served(node: Node) -> None:
    assert node.run("compile")["verification"] == "Needed"
    thresholds = {"p99Milliseconds": None, "throughputPerSecond": 1e9, "speedUp": None}
    failed = node.run("verify", device=True, benchmark__thresholds=thresholds)
    assert (failed["code"], failed["reason"], failed["step"]) == (10, "TooSlow", "benchmark")
    assert "1e+09 is demanded" in failed["message"]
    found = read_verification(node.artifact)
    assert found is not None
    assert not found.passed
    with pytest.raises(ArtifactUnverified, match="did not pass its verification"):
        verify(node.artifact)
    assert node.run("verify", device=True)["outcome"] == "Verified"
    assert verify(node.artifact).digest == requests.DIGEST


def test_without_a_device_only_a_compile_for_another_machine_is_possible(node: Node) -> None:
    failed = node.run("compile", compile__placement="Accelerator")
    assert (failed["code"], failed["reason"]) == (10, "DeviceMissing")
    assert "No Neuron device answers" in failed["message"]
    assert not node.artifact.exists()


@pytest.mark.parametrize(
    ("code", "reason", "says"),
    [
        ("EOOM001", "DeviceOutOfMemory", "exceeds HBM limit"),
        ("EVRF001", "UnsupportedOperator", "Operator topk is not supported"),
        ("EVRF007", "ModelTooLarge", "number of instructions"),
        ("EMOD025", "DynamicShape", "Dynamic shape"),
        ("EARG001", "CompilerRefused", "LNC"),
    ],
)
def test_the_compilers_error_code_is_found_where_python_says_only_a_number(
    node: Node, monkeypatch: pytest.MonkeyPatch, code: str, reason: str, says: str
) -> None:
    monkeypatch.setenv("STANDIN_NEURONX_CC_FAILS", code)
    failed = node.run("compile")
    # Not tried again: the same graph meets the same error.
    assert (failed["code"], failed["reason"]) == (10, reason), failed
    assert f"[NCC_{code}]" in failed["message"]
    assert says in failed["message"]
    assert failed.get("operators", []) == (["topk"] if code == "EVRF001" else [])


def test_the_compilers_log_is_written_where_a_pod_may_write(node: Node, tmp_path: Path) -> None:
    standing = tmp_path / "read-only"
    standing.mkdir(mode=0o500)
    assert node.run("compile", cwd=standing)["code"] == 0
    assert list(standing.iterdir()) == []


@pytest.mark.parametrize(
    ("environ", "reason", "code"),
    [
        ({"STANDIN_NEURON_DRIVER": "old"}, "DriverMismatch", 10),
        ({"NEURON_RT_VISIBLE_CORES": ""}, "DeviceMissing", 10),
    ],
)
def test_the_runtimes_own_words_say_why_it_does_not_start(
    node: Node, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], reason: str, code: int
) -> None:
    assert node.run("compile")["code"] == 0
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    failed = node.run("verify", device="NEURON_RT_VISIBLE_CORES" not in environ)
    assert (failed["code"], failed["reason"]) == (code, reason), failed


def test_cores_that_another_process_holds_are_asked_for_again(node: Node, tmp_path: Path) -> None:
    assert node.run("compile")["code"] == 0
    held = tmp_path / "cores"
    held.mkdir()
    with (held / "0").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        failed = node.run("verify", device=True)
        assert (failed["code"], failed["reason"]) == (11, "CoresBusy"), failed
    assert node.run("verify", device=True)["code"] == 0


def test_an_artifact_that_computes_wrongly_on_the_accelerator_is_not_passed(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert node.run("compile")["code"] == 0
    monkeypatch.setenv("STANDIN_NEURON_WRONG", "1")
    failed = node.run("verify", device=True)
    assert (failed["code"], failed["reason"]) == (10, "ParityFailed")


def test_weights_that_are_apart_stay_on_the_core(node: Node, capfd: pytest.CaptureFixture[str]) -> None:
    assert node.run("compile", compile__weights="Separated")["code"] == 0
    verified = node.run("verify", device=True, compile__weights="Separated")
    assert verified["code"] == 0
    assert "weights copied" not in verified["said"]


def test_compiler_and_runtime_agree_on_logical_cores_of_trn2(node: Node) -> None:
    assert node.run("compile", target="trn2")["code"] == 0
    verified = node.run("verify", device=True, target="trn2")
    assert (verified["code"], verified["outcome"]) == (0, "Verified"), verified
