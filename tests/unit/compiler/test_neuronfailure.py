"""What the Neuron compilers and their runtime say has its reason, and only what may heal is tried again."""

import re
import sys
from pathlib import Path

import pytest
from neuron_compiler import neuronfailure
from neuron_compiler.child import run
from neuron_compiler.failure import CompileError
from neuron_compiler.neuroncodes import DOCUMENTED
from neuron_contract.reasons import ImageReason

_CRASHED = CompileError("CompilerCrashed", "RuntimeError: neuronx-cc failed with 70", heals=True)
_NOT_INITIALIZED = (
    "RuntimeError: The PyTorch Neuron Runtime could not be initialized. Neuron Driver issues are logged"
)


@pytest.mark.parametrize(
    ("text", "reason", "heals"),
    [
        ("[NCC_EOOM001] Maximum peak HBM usage of 32.00GB exceeds HBM limit", "DeviceOutOfMemory", False),
        ("[NCC_EVRF009] Combined memory exceeds", "DeviceOutOfMemory", False),
        ("[NCC_EVRF001] Operator topk is not supported.", "UnsupportedOperator", False),
        ("NCC_EUOC002: found unsupported op aten::foo", "UnsupportedOperator", False),
        ("[NCC_EMOD025] Dynamic shape is not supported", "DynamicShape", False),
        ("[NCC_EVRF007] The number of instructions generated exceeds", "ModelTooLarge", False),
        ("[NCC_EXTP004] The number of instructions generated exceeds", "ModelTooLarge", False),
        ("[NCC_EARG001] Unsupported LNC configuration", "CompilerRefused", False),
        ("[NCC_ILLC059] Internal error", "CompilerCrashed", False),
        ("neuronx-cc failed with -9", "CompilerOutOfMemory", False),
        ("[F137] neuronx-cc was forcibly killed", "CompilerOutOfMemory", False),
        (
            "NRT:nrt_init  This runtime requires Neuron Driver version 2.0 or greater. Please upgrade "
            f"aws-neuron-dkms package.\n{_NOT_INITIALIZED}",
            "DriverMismatch",
            False,
        ),
        (
            "NRT:nrt_allocate_neuron_cores  NeuronCore(s) not available - Requested:nc1-nc1 Available:0\n"
            f"{_NOT_INITIALIZED}",
            "CoresBusy",
            True,
        ),
        (f"NRT:nrt_init  No neuron device available\n{_NOT_INITIALIZED}", "DeviceMissing", False),
        (_NOT_INITIALIZED, "DeviceMissing", False),
        ("Bad StatusOr access: INVALID_ARGUMENT: PJRT_Client_Create: error", "DeviceMissing", False),
        ("NEFF version mismatch supported: 1.1 received: 2.0", "VersionMismatch", False),
        ("Could not load the model status=4 message=Allocation Failure", "DeviceOutOfMemory", False),
        ("Unsupported Platform - please supply a compiler target argument", "ToolchainMissing", False),
    ],
)
def test_what_neuron_says_has_its_reason(text: str, reason: str, heals: bool) -> None:
    failure = neuronfailure.found(f"some line\n{text}\nanother")
    assert failure is not None
    assert (failure.reason, failure.heals) == (reason, heals)


def test_a_code_is_told_with_the_compilers_sentence_the_operators_and_where_to_look_it_up() -> None:
    failure = neuronfailure.found(
        "ERROR [NCC_EVRF001] Operator topk is not supported. Locate it.\nOperation sort is not supported"
    )
    assert failure is not None
    assert "[NCC_EVRF001] Operator topk is not supported. Locate it." in failure.message
    assert "compiler/error-codes" in failure.message
    assert failure.operators == ("sort", "topk")


def test_each_documented_code_has_its_reason_and_says_what_to_do() -> None:
    reasons = {str(each.value) for each in ImageReason}
    assert len(DOCUMENTED) > 60
    for code, (reason, advice) in DOCUMENTED.items():
        failure = neuronfailure.found(f"[ERROR] [NCC_{code}] What the compiler says.")
        assert failure is not None
        assert (failure.reason, failure.heals) == (reason, False)
        assert reason in reasons
        assert f"{advice}. [NCC_{code}] What the compiler says." in failure.message


def test_each_documented_code_is_in_the_table_of_the_documentation() -> None:
    page = (Path(__file__).parents[3] / "docs" / "reasons.md").read_text()
    rows = {code: line for line in page.splitlines() for code in re.findall(r"[A-Z]{4}\d{3}", line)}
    assert rows.keys() == DOCUMENTED.keys()
    for code, (reason, _) in DOCUMENTED.items():
        assert f"`{reason}`" in rows[code], code


def test_of_several_codes_the_last_refusal_counts_and_not_what_fell_over_after_it() -> None:
    text = "[NCC_EVRF001] Operator a is not supported\n[NCC_EOOM002] exceeds HBM\n[NCC_IXRO001] Internal"
    failure = neuronfailure.found(text)
    assert failure is not None
    assert failure.reason == "DeviceOutOfMemory"


def test_device_memory_is_never_taken_for_the_pods(tmp_path: Path) -> None:
    killed = CompileError("CompilerOutOfMemory", "The compiler was killed")
    for said in (
        "[NCC_EOOM001] exceeds HBM limit",
        "1:1 ERROR  TDRV:dmem_alloc_internal  Failed to alloc DEVICE memory: 268435456",
        "Bad StatusOr access: RESOURCE_EXHAUSTED: LoadExecutable e2 failed",
        'nrt_tensor_allocate status=4 message="Allocation Failure"',
    ):
        assert neuronfailure.is_telling(said)
        assert neuronfailure.reread(killed, said).reason == "DeviceOutOfMemory", said
        assert not neuronfailure.reread(killed, said).heals


@pytest.mark.parametrize(
    ("said", "reason", "operators"),
    [
        ("INFO:Neuron:Compile command returned: -9", "CompilerOutOfMemory", ()),
        ("INFO:Neuron:Compile command returned: 1", "CompilerCrashed", ()),
        (
            "INFO:Neuron:There are 2 ops of 1 type that are not compiled by neuron-cc: aten::topk,",
            "UnsupportedOperator",
            ("aten::topk",),
        ),
        ("INFO:Neuron:Compile command returned: 0", "UnsupportedOperator", ()),
    ],
)
def test_where_torch_neuron_only_stumbles_its_own_lines_say_over_what(
    said: str, reason: str, operators: tuple[str, ...]
) -> None:
    stumbled = CompileError("UnsupportedOperator", "torch_neuron can't compile the whole model for inf1")
    assert neuronfailure.is_telling(said)
    failure = neuronfailure.reread(stumbled, said)
    assert (failure.reason, failure.operators, failure.heals) == (reason, operators, False)


def test_the_log_of_an_earlier_compile_explains_no_later_one(tmp_path: Path) -> None:
    (tmp_path / "log-neuron-cc.txt").write_text("[NCC_EOOM002] exceeds HBM limit\n")
    neuronfailure.forget_log(tmp_path)
    neuronfailure.forget_log(tmp_path)
    error = RuntimeError("something else")
    assert neuronfailure.explained(error, tmp_path) is error


def test_what_is_nothing_of_neurons_has_no_reason_here() -> None:
    assert neuronfailure.found("ZeroDivisionError: division by zero") is None


def test_the_compilers_log_explains_an_exception_that_says_only_a_number(tmp_path: Path) -> None:
    error = RuntimeError("neuronx-cc failed with 70")
    assert neuronfailure.explained(error, tmp_path) is error
    (tmp_path / "log-neuron-cc.txt").write_text("x" * 100_000 + "\n[NCC_EOOM002] exceeds HBM limit\n")
    explained = neuronfailure.explained(error, tmp_path)
    assert isinstance(explained, CompileError)
    assert explained.reason == "DeviceOutOfMemory"


def test_words_of_the_process_explain_a_general_failure_and_no_other() -> None:
    said = "[NCC_EVRF001] Operator topk is not supported"
    assert neuronfailure.reread(_CRASHED, said).reason == "UnsupportedOperator"
    parity = CompileError("ParityFailed", "too far")
    assert neuronfailure.reread(parity, said) is parity


_DIES = """
import json, os, sys
print("NRT:nrt_allocate_neuron_cores  NeuronCore(s) not available - Requested:nc0", flush=True)
print("y" * 300_000, flush=True)
os.write(int(sys.argv[-1]), json.dumps({"step": "parity"}).encode() + b"\\n")
os.abort()
"""


def test_a_process_that_dies_is_explained_by_what_it_printed_before() -> None:
    with pytest.raises(CompileError) as caught:
        run([sys.executable, "-c", _DIES], {})
    assert (caught.value.reason, caught.value.step) == ("CoresBusy", "parity")
    assert caught.value.heals
