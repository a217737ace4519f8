"""Every error that a compiler, an allocator or a volume is known to give has its reason."""

import errno
import os
import shutil
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from neuron_compiler.failure import CompileError, classify, death, of_model, storage_error


@pytest.mark.parametrize(
    ("error", "reason", "says"),
    [
        (
            RuntimeError("neuronx-cc failed with -9"),
            "CompilerOutOfMemory",
            "raise spec.compile.resources.limits.memory",
        ),
        (RuntimeError("[NCC_EOOM001] Combined I/O exceeds"), "DeviceOutOfMemory", "smaller batchSizes"),
        (MemoryError(), "CompilerOutOfMemory", "memory"),
        (
            RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory"),
            "CompilerOutOfMemory",
            "memory",
        ),
        (
            RuntimeError("[NCC_EVRF001] Operator sort is not supported"),
            "UnsupportedOperator",
            "Operator sort",
        ),
        (RuntimeError("NCC_EUOC002: found unsupported op aten::foo"), "UnsupportedOperator", "aten::foo"),
        (RuntimeError("[NCC_EMOD025] dynamic shape"), "DynamicShape", "depend on its data"),
        (RuntimeError("Tracer cannot infer type of X"), "DynamicShape", "can't be traced"),
        (
            RuntimeError("Bad StatusOr access: INVALID_ARGUMENT: PJRT_Client_Create: error condition"),
            "DeviceMissing",
            "accelerator.resourceName",
        ),
        (
            RuntimeError("PytorchStreamWriter failed writing file data/1: file write failed"),
            "StorageFull",
            "volume",
        ),
        (ZeroDivisionError("division by zero"), "CompilerCrashed", "ZeroDivisionError: division by zero"),
    ],
)
def test_an_exception_of_the_compiler_has_its_reason(error: Exception, reason: str, says: str) -> None:
    failure = classify(error)
    assert failure.reason == reason
    assert says in failure.message


def test_a_failure_that_is_known_already_stays_as_it_is() -> None:
    error = CompileError("ModelUnreadable", "out of memory")
    assert classify(error) is error


@pytest.mark.parametrize(
    ("number", "reason", "code"),
    [(9, "CompilerOutOfMemory", 10), (11, "CompilerCrashed", 11), (6, "CompilerCrashed", 11)],
)
def test_a_death_by_a_signal_has_its_reason_and_names_the_step(number: int, reason: str, code: int) -> None:
    failure = death(number, "compile")
    assert (failure.reason, failure.exit_code) == (reason, code)
    assert "during the step compile" in failure.message


@pytest.mark.parametrize(
    ("number", "reason", "code"),
    [
        (errno.ENOSPC, "StorageFull", 11),
        (errno.EDQUOT, "StorageFull", 11),
        (errno.EACCES, "StorageUnwritable", 10),
        (errno.EROFS, "StorageUnwritable", 10),
        (errno.EIO, "StorageUnwritable", 11),
        (errno.ESTALE, "StorageUnwritable", 11),
    ],
)
def test_an_error_of_the_volume_has_its_reason(number: int, reason: str, code: int) -> None:
    failure = storage_error(OSError(number, os.strerror(number)), Path("/artifacts"))
    assert (failure.reason, failure.exit_code) == (reason, code)
    assert "/artifacts" in failure.message


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ("/work/attempt-1/buckets/b1/model.pt", "StorageFull"),
        (None, "StorageFull"),
        ("/model/source-1/model.safetensors", "NodeDiskFull"),
        (f"{tempfile.gettempdir()}/neuronx-cc/graph.neff", "NodeDiskFull"),
        ("/elsewhere", "StorageFull"),
    ],
)
def test_which_disk_is_full_is_told_by_the_file(
    number: int, file: str | None, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODEL_PATH", "/model")
    failure = storage_error(OSError(number, os.strerror(number), file), Path("/work"))
    assert (failure.reason, failure.exit_code) == (reason, 11)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[Errno 28] No space left on device: '/work/attempt-1/model.pt'", "StorageFull"),
        (f"[Errno 28] No space left on device: '{tempfile.gettempdir()}/graph.neff'", "NodeDiskFull"),
        ("[Errno 28] No space left on device: '/model/source-1/x'", "NodeDiskFull"),
        ("PytorchStreamWriter failed writing file data/1: file write failed", "StorageFull"),
    ],
)
def test_which_disk_is_full_is_told_by_the_compilers_words(
    text: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODEL_PATH", "/model")
    monkeypatch.setenv("WORK_PATH", "/work")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=2**40))
    failure = classify(RuntimeError(text))
    assert (failure.reason, failure.exit_code) == (reason, 11)


def test_a_writer_that_names_no_file_has_filled_what_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORK_PATH", "/work")
    room = {Path(tempfile.gettempdir()): 4096, "/work": 2**40}
    monkeypatch.setattr(shutil, "disk_usage", lambda place: SimpleNamespace(free=room[place]))
    failure = classify(RuntimeError("PytorchStreamWriter failed writing file data/1: file write failed"))
    assert failure.reason == "NodeDiskFull"


def test_operators_that_the_target_does_not_have_are_named() -> None:
    failure = classify(
        RuntimeError("[NCC_EVRF001] unsupported operator: aten::nonzero, aten::unique, aten::nonzero")
    )
    assert (failure.reason, failure.operators) == ("UnsupportedOperator", ("aten::nonzero", "aten::unique"))


def test_what_a_models_own_code_raises_is_the_architectures_fault_and_never_tried_again() -> None:
    error = ValueError("`visual_feats` cannot be `None`")
    failure = of_model(error, "LxmertModel", "computed", " It also takes visual_feats.")
    assert (failure.reason, failure.heals) == ("UnsupportedArchitecture", False)
    assert failure.message == (
        "LxmertModel can't be computed (ValueError: `visual_feats` cannot be `None`). It also takes "
        "visual_feats. Choose another model or task."
    )


def test_what_the_compilers_texts_explain_is_told_as_such_of_a_model_too() -> None:
    assert (
        of_model(RuntimeError("unsupported operator aten::x"), "A", "computed").reason
        == "UnsupportedOperator"
    )
    assert of_model(OSError("stale file handle"), "A", "computed").heals
