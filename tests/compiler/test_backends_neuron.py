"""The compile for inf1: the real code against a stand-in of torch_neuron that computes on the CPU."""

import os
from pathlib import Path
from typing import Any

import pytest
from compiler import models, requests
from compiler.command import run
from neuron_artifact import artifact_path, verify

_STANDIN = Path(__file__).parents[1] / "standin"


def compile_for_inf1(directory: Path, *, installed: bool = True, **changes: Any) -> dict[str, Any]:
    """The termination message of a compile of a tiny GPT-2; parity is checked on a device's first core."""
    for name in ("store", "claim/model"):
        (directory / name).mkdir(parents=True)
    models.gpt2(directory / "claim/model")
    asked = {
        "model__uri": "pvc://models/model",
        "target": "inf1",
        "compile__autoCast": "none",
        "compile__sequenceLengths": [8],
        "benchmark__seconds": 0.1,
        **changes,
    }
    path = [os.environ.get("PYTHONPATH", ""), *([str(_STANDIN)] if installed else [])]
    device = {"NEURON_RT_VISIBLE_CORES": "0", "STANDIN_NEURON_CORES": str(directory / "cores")}
    return run("compile", directory, asked, os.pathsep.join(path), device)


def test_a_model_is_compiled_for_inf1_with_every_option_of_its_compiler(tmp_path: Path) -> None:
    done = compile_for_inf1(
        tmp_path,
        compile__weights="Separated",
        compile__pipelineCores=2,
        compile__fastMath="none",
        compile__fastLoading=True,
    )
    assert (done["code"], done.get("outcome"), done.get("verification")) == (0, "Published", "Done"), done
    assert done["backend"] == {"name": "torch_neuron", "precision": "fp32", "deviceShare": 1.0}
    assert done["parity"]["passed"]
    assert {"torch-neuron", "neuron-cc"} <= set(done["versions"])
    manifest = verify(artifact_path(tmp_path / "store", requests.DIGEST))
    # neuron-cc takes no 64-bit integers: what clients send as INT64 is narrowed by the server.
    assert {(each.dtype, each.trace_dtype) for each in manifest.inputs} == {("INT64", "INT32")}


def test_without_torch_neuron_the_message_says_which_image_is_needed(tmp_path: Path) -> None:
    failed = compile_for_inf1(tmp_path, installed=False)
    assert (failed["code"], failed["reason"]) == (10, "ToolchainMissing")
    assert "images.compiler.neuron of the chart" in failed["message"]


def test_an_operator_that_inf1_lacks_is_named_where_the_trace_only_stumbles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STANDIN_NEURON_CC_LACKS", "aten::topk")
    failed = compile_for_inf1(tmp_path)
    assert (failed["code"], failed["reason"]) == (10, "UnsupportedOperator"), failed
    assert failed["operators"] == ["aten::topk"]


@pytest.mark.parametrize(("returned", "reason"), [("-9", "CompilerOutOfMemory"), ("1", "CompilerCrashed")])
def test_a_compiler_for_inf1_that_ends_is_no_unsupported_operator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, returned: str, reason: str
) -> None:
    monkeypatch.setenv("STANDIN_NEURON_CC_RETURNS", returned)
    failed = compile_for_inf1(tmp_path)
    assert (failed["code"], failed["reason"]) == (10, reason), failed


def test_a_model_that_is_silently_left_to_the_cpu_is_not_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STANDIN_NEURON_CC_FUSES", "nothing")
    failed = compile_for_inf1(tmp_path)
    assert (failed["code"], failed["reason"]) == (10, "NotOnDevice"), failed
