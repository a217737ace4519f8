"""The user's own module, from the neuron_model.py that lies beside the weights."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from compiler.conftest import Compiled
from neuron_compiler.failure import CompileError
from safetensors.torch import save_file

Compile = Callable[..., Compiled]
CUSTOM = {
    "model__task": "custom",
    "model__trustRemoteCode": True,
    "compile__sequenceLengths": [],
    "compile__batchSizes": [1, 4],
}
CODE = """
from pathlib import Path

import torch
from safetensors.torch import load_file
from helper import WIDTH

output_names = ["sum", "mask"]
labels = ["no", "yes"]


class Model(torch.nn.Module):
    def __init__(self, weight):
        super().__init__()
        self.weight = torch.nn.Parameter(weight)

    def forward(self, left, right):
        total = left @ self.weight + right
        return total, total > 0


def load(directory: Path) -> torch.nn.Module:
    return Model(load_file(directory / "weights.safetensors")["weight"])


def example_inputs(batch: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(batch)
    return {
        "left": torch.rand(batch, WIDTH, generator=generator),
        "right": torch.randint(0, 9, (batch, 2), generator=generator),
    }
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.mkdir()
    (path / "neuron_model.py").write_text(CODE)
    (path / "helper.py").write_text("WIDTH = 3\n")
    save_file({"weight": torch.arange(6.0).reshape(3, 2)}, path / "weights.safetensors")
    return path


def test_the_users_module_is_compiled_for_every_batch(compile_model: Compile, source: Path) -> None:
    compiled = compile_model(source, **CUSTOM)
    facts = compiled.facts
    assert facts["architecture"] == "Model"
    assert [(each["name"], each["dtype"], each["dims"]) for each in facts["inputs"]] == [
        ("left", "FP32", (3,)),
        ("right", "INT64", (2,)),
    ]
    assert [(each["name"], each["dtype"], each["dims"]) for each in facts["outputs"]] == [
        ("sum", "FP32", (2,)),
        ("mask", "BOOL", (2,)),
    ]
    assert [(bucket["name"], bucket["batch"], bucket["axes"]) for bucket in facts["buckets"]] == [
        ("b1", 1, {}),
        ("b4", 4, {}),
    ]
    assert facts["labels"] == ("no", "yes")
    assert facts["parity"]["passed"]
    left, right = torch.ones(4, 3), torch.zeros(4, 2, dtype=torch.int64)
    total, mask = torch.jit.load(str(compiled.directory / facts["buckets"][1]["path"]))(left, right)
    assert total.tolist() == [[6.0, 9.0]] * 4
    assert mask.tolist() == [[True, True]] * 4


def test_code_is_not_run_unless_it_is_trusted(compile_model: Compile, source: Path) -> None:
    (source / "neuron_model.py").write_text("raise SystemExit('it was run')\n")
    with pytest.raises(CompileError, match="trustRemoteCode") as failure:
        compile_model(source, **{**CUSTOM, "model__trustRemoteCode": False})
    assert failure.value.reason == "RemoteCodeRefused"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("from helper import WIDTH", "from helper import HEIGHT", "its import ended with ImportError"),
        ("import torch\n", "import sys\nsys.exit(3)\n", "its import ended with SystemExit: 3"),
        ("def load(", "def open_(", "no function load"),
        ("weights.safetensors", "absent.safetensors", r"load\(.*ended with FileNotFoundError"),
        ("return Model(", "return dict(a=", "load returned dict"),
        ("torch.rand(batch, WIDTH", "torch.rand(3, WIDTH", "no tensor of 1 rows"),
        ("torch.rand(batch, WIDTH", "torch.rand(batch, batch", r"example_inputs\(4\) differs from"),
        ("return total, total > 0", "return []", "returned list without a tensor"),
        ("left @ self.weight", "left.T @ self.weight", "on its own example inputs ended with RuntimeError"),
        ('["sum", "mask"]', '["sum"]', "1 names, and the module returns 2 tensors"),
        ("total > 0", "total[:1, :1].squeeze()", "the output mask has the shape"),
        ("total > 0", "total.to(torch.complex64)", "mask is of type torch.complex64"),
    ],
)
def test_what_is_wrong_with_the_users_code_is_said_in_a_sentence(
    compile_model: Compile, source: Path, old: str, new: str, says: str
) -> None:
    assert old in CODE
    (source / "neuron_model.py").write_text(CODE.replace(old, new))
    with pytest.raises(CompileError, match=says) as failure:
        compile_model(source, **CUSTOM)
    assert failure.value.reason == "CustomCodeFailed"


EXPECTED = """

def expected_outputs(batch: int) -> dict[str, torch.Tensor]:
    inputs = example_inputs(batch)
    weight = torch.arange(6.0).reshape(3, 2)
    return {"sum": inputs["left"] @ weight + inputs["right"]}
"""


def test_a_module_may_ship_what_its_examples_have_to_give(compile_model: Compile, source: Path) -> None:
    (source / "neuron_model.py").write_text(CODE + EXPECTED)
    assert compile_model(source, **CUSTOM).facts["parity"]["passed"]


@pytest.mark.parametrize(
    ("old", "new", "reason", "says"),
    [
        (
            "arange(6.0).",
            "arange(6.0).flip(0).",
            "AnswersDiffer",
            "sum of 1 rows is not what expected_outputs",
        ),
        ('{"sum":', '{"total":', "CustomCodeFailed", "use sum, mask"),
        ('+ inputs["right"]}', "+ torch.ones(3, 1, 1)}", "CustomCodeFailed", "of the shape"),
    ],
)
def test_outputs_that_the_module_does_not_give_are_told(
    compile_model: Compile, source: Path, old: str, new: str, reason: str, says: str
) -> None:
    assert old in EXPECTED
    (source / "neuron_model.py").write_text(CODE + EXPECTED.replace(old, new))
    with pytest.raises(CompileError, match=says) as failure:
        compile_model(source, **CUSTOM)
    assert failure.value.reason == reason
