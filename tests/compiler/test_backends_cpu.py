"""The ways to compile for the CPU: which are tried, what they compute, and which one is chosen."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from compiler import models
from compiler.conftest import Compiled, request
from neuron_compiler.backends import cpu
from neuron_compiler.backends.inductor import InductorBackend
from neuron_compiler.backends.torchscript import TorchScriptBackend
from transformers import AutoModel

Compile = Callable[..., Compiled]

_AVX512 = "avx2 fma avx512f avx512bw avx512cd avx512dq avx512vl"
_HAS_BF16 = "avx512_bf16" in cpu.cpu_features()


def tried(tmp_path: Path, flags: str, **options: str) -> list[tuple[str, str]]:
    (tmp_path / "cpuinfo").write_text(f"processor : 0\nflags\t\t: fpu {flags}\n")
    changes = {f"compile__{name}": value for name, value in options.items()}
    found = cpu.candidates(request(**changes).options, tmp_path, tmp_path / "cpuinfo")
    return [(backend.name, backend.precision) for backend in found]


@pytest.mark.parametrize(
    ("flags", "options", "expected"),
    [
        (f"{_AVX512} avx512_bf16", {}, ["inductor matmult-bf16", "inductor fp32", "torchscript fp32"]),
        (f"{_AVX512} avx512_bf16", {"autoCast": "none"}, ["inductor fp32", "torchscript fp32"]),
        (f"{_AVX512} avx512_bf16", {"autoCastType": "tf32"}, ["inductor fp32", "torchscript fp32"]),
        (_AVX512, {}, ["inductor fp32", "torchscript fp32"]),
        ("avx2 fma", {"cpuBackend": "Inductor"}, ["inductor fp32"]),
        ("sse4_2", {"cpuBackend": "Inductor"}, ["torchscript fp32"]),
        (f"{_AVX512} avx512_bf16", {"cpuBackend": "TorchScript"}, ["torchscript fp32"]),
    ],
)
def test_what_is_tried_follows_from_the_cpu_and_the_cast_that_is_allowed(
    tmp_path: Path, flags: str, options: dict[str, str], expected: list[str]
) -> None:
    found = tried(tmp_path, flags, **{"cpuBackend": "Auto", **options})
    assert [" ".join(each) for each in found] == expected


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.mkdir()
    return path


_LOAD = """
import sys, torch
torch.set_num_threads(1)
import torch._inductor
package = torch._inductor.aoti_load_package(sys.argv[1])
inputs = (torch.arange(16).reshape(2, 8), torch.ones(2, 8, dtype=torch.int64))
torch.save(package(*inputs), sys.argv[2])
"""


def test_the_fastest_of_all_is_chosen_and_the_others_leave_no_files(
    compile_model: Compile, source: Path
) -> None:
    compiled = compile_model(
        models.gpt2(source),
        compile__cpuBackend="Auto",
        compile__autoCast="none",
    )
    files = sorted(
        str(path.relative_to(compiled.directory)) for path in compiled.directory.glob("buckets/*/*")
    )
    assert files == sorted(bucket["path"] for bucket in compiled.facts["buckets"])
    facts = compiled.facts["backend"]
    assert {(each["name"], each["passed"]) for each in facts["candidates"]} == {
        ("inductor", True),
        ("torchscript", True),
    }
    fastest = max(facts["candidates"], key=lambda each: each["throughputPerSecond"])
    assert (facts["name"], facts["precision"]) == (fastest["name"], "fp32")
    assert compiled.facts["parity"]["tolerance"] == 1e-4


def test_a_package_computes_in_another_process_what_eager_mode_does(
    compile_model: Compile, source: Path, tmp_path: Path
) -> None:
    compiled = compile_model(
        models.gpt2(source),
        compile__cpuBackend="Inductor",
        compile__autoCast="none",
        compile__sequenceLengths=[8],
    )
    facts = compiled.facts["backend"]
    assert (facts["name"], set(facts["cpuFeatures"])) == ("inductor", set(cpu.cpu_features()))
    path = compiled.directory / compiled.facts["buckets"][0]["path"]
    assert path.name == "model.pt2"
    unpacked = tmp_path / "unpacked"
    unpacked.mkdir()
    environ = {"PATH": "/nowhere", "HOME": "/nowhere", "TMPDIR": str(unpacked)}
    subprocess.run(
        [sys.executable, "-c", _LOAD, str(path), str(tmp_path / "outputs")],
        env={**{name: value for name, value in os.environ.items() if name.startswith("PYTHON")}, **environ},
        check=True,
        timeout=120,
    )
    (outputs,) = torch.load(tmp_path / "outputs")
    eager = AutoModel.from_pretrained(source).eval()
    with torch.inference_mode():
        expected = eager(input_ids=torch.arange(16).reshape(2, 8)).last_hidden_state
    torch.testing.assert_close(outputs, expected, atol=1e-4, rtol=1e-4)
    assert list(unpacked.glob("aotinductor_*")) == []


@pytest.mark.skipif(not _HAS_BF16, reason="this CPU has no bf16 instructions")
def test_bf16_is_used_where_the_cast_is_allowed_and_told(compile_model: Compile, source: Path) -> None:
    compiled = compile_model(
        models.gpt2(source),
        compile__cpuBackend="Inductor",
        parity__metric="MaxRel",
        compile__sequenceLengths=[8],
    ).facts
    first = compiled["backend"]["candidates"][0]
    assert (first["name"], first["precision"], first["passed"]) == ("inductor", "matmult-bf16", True)
    assert compiled["backend"]["precision"] == "matmult-bf16"
    # fp32 would be a thousand times nearer.
    assert 1e-4 < compiled["parity"]["maxRel"] < compiled["parity"]["tolerance"] == 5e-2


@pytest.mark.skipif(not _HAS_BF16, reason="this CPU has no bf16 instructions")
def test_bf16_gives_way_to_fp32_where_its_numbers_are_not_good_enough(
    compile_model: Compile, source: Path
) -> None:
    compiled = compile_model(
        models.gpt2(source),
        compile__cpuBackend="Inductor",
        parity__tolerance=1e-4,
        parity__metric="MaxRel",
        compile__sequenceLengths=[8],
    ).facts
    assert [(each["precision"], each["passed"]) for each in compiled["backend"]["candidates"]] == [
        ("matmult-bf16", False),
        ("fp32", True),
    ]
    assert compiled["backend"]["precision"] == "fp32"
    assert compiled["parity"]["passed"]


def test_a_backend_that_cannot_compile_the_model_is_passed_over(
    compile_model: Compile, source: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*arguments: object) -> None:
        raise RuntimeError("no kernel for this")

    monkeypatch.setattr(InductorBackend, "compile", broken)
    facts = compile_model(models.gpt2(source), compile__cpuBackend="Auto").facts
    assert facts["backend"]["name"] == TorchScriptBackend.name
    assert "inductor in fp32 is passed over" in capsys.readouterr().out
