"""What the Neuron compilers and their runtime say when they fail, and what it means.

torch_neuronx raises no more than `neuronx-cc failed with 70`: the code (NCC_...) is in what the compiler
prints and in log-neuron-cc.txt, which it writes into its working directory; the runtime prints its own lines
(NRT:...). Sources, in aws-neuron/aws-neuron-sdk: compiler/error-codes/index.rst,
neuron-runtime/nrt-troubleshoot.rst.
"""

from __future__ import annotations

import re
from pathlib import Path

from neuron_compiler.failure import CompileError, one_line, operator_names

LOG_NAME = "log-neuron-cc.txt"
TELLING = re.compile(
    r"NCC_[A-Z]{4}\d{3}|\[F1\d\d\]|NRT[:_]|NeuronCore|NEFF version|Neuron [Dd]evice|Neuron [Dd]river|"
    r"Neuron Runtime|"
    r"Logical Core|mempool|not supported"
)
"""What a line has that may say why a compile or a load failed."""

_LOG_BYTES = 65536
_DOCUMENTED = "https://awsdocs-neuron.readthedocs-hosted.com/en/latest/compiler/error-codes/index.html"
_CODE = re.compile(r"NCC_([A-Z]{4}\d{3})([^\n]{0,300})")
# The error codes whose meaning is another than that the compiler refuses the graph as it is.
_CODES = {
    "DeviceOutOfMemory": ("EOOM001", "EOOM002", "EVRF009", "EXSP001"),
    "ModelTooLarge": ("EBVF030", "EVRF007", "EXTP004"),
    "UnsupportedOperator": ("EHCA005", "EUOC002", "EVRF001", "EVRF015", "EVRF029"),
    "DynamicShape": ("EMOD025",),
}
_REASON_OF_CODE = {code: reason for reason, codes in _CODES.items() for code in codes}
_MEANING = {
    "DeviceOutOfMemory": "The model does not fit the accelerator's memory: take smaller batchSizes, "
    "sequenceLengths or imageSizes; the pod's memory is not at fault",
    "ModelTooLarge": "The compiled graph has more instructions than the accelerator takes: take smaller "
    "batchSizes, sequenceLengths or imageSizes, or a smaller model",
    "UnsupportedOperator": "The model uses operators that the target does not support",
    "DynamicShape": "The model has shapes that depend on its data",
    "CompilerRefused": "The Neuron compiler refuses the model or its options",
    "CompilerCrashed": "The Neuron compiler failed within itself, and would again: other options may help",
}
# Of the runtime, the more special first: each of these failures also says that it could not be initialized.
_TEXTS: tuple[tuple[str, str, bool, str], ...] = (
    (
        "DriverMismatch",
        r"requires Neuron Driver|Unable to determine Neuron Driver|upgrade aws-neuron\S*dkms|"
        r"[Dd]river version",
        False,
        "The node's Neuron driver does not fit the image's Neuron runtime: use a node image with the driver "
        "of the "
        "image's SDK",
    ),
    (
        "CoresBusy",
        r"NeuronCore\(s\) not available",
        True,
        "Another process has the NeuronCores; they come free up to 45 seconds after it has ended",
    ),
    (
        "VersionMismatch",
        r"Logical Core Size",
        False,
        "The artifact is compiled for another number of physical cores to a logical one than this process "
        "runs with: "
        "compile and serve with the same spec.compile.neuronx.logicalCores",
    ),
    (
        "VersionMismatch",
        r"NEFF version mismatch|status=2 message=Invalid",
        False,
        "The compiled model does not fit this node's Neuron runtime or driver: use images of the SDK that "
        "the driver "
        "belongs to",
    ),
    (
        "DeviceOutOfMemory",
        r"status=4 message=Allocation|device mempool|NRT_RESOURCE",
        False,
        "The model does not fit the free memory of its NeuronCore: take fewer or smaller buckets",
    ),
    (
        "DeviceTimedOut",
        r"NRT_TIMEOUT|status=5 message=Timeout|execution timed? ?out",
        False,
        "A call did not come back from the accelerator within NEURON_RT_EXEC_TIMEOUT: compile on a node "
        "with the "
        "accelerator (spec.compile.runsOn), or with another compiler",
    ),
    (
        "ToolchainMissing",
        r"Unsupported Platform|supply (a )?compiler (target )?argument",
        False,
        "The compiler does not know for which target to compile: use operator and compiler image of one "
        "release",
    ),
    (
        "DeviceMissing",
        r"No [Nn]euron device|PJRT_Client_Create|Could not open the nd|nrt_init|"
        r"Neuron Runtime could not be initialized",
        False,
        "No Neuron device answers in this pod: let it request one (accelerator.resourceName in the chart), "
        "on a node "
        "with the driver",
    ),
    (
        "CompilerOutOfMemory",
        r"neuronx?-cc failed with -9\b|\[F137\]|forcibly killed",
        False,
        "The compiler was killed, normally for using more memory than the pod may: raise "
        "spec.compile.resources.limits.memory.",
    ),
)


def found(text: str) -> CompileError | None:
    """The failure that a Neuron text stands for, None where it has none that is known."""
    if code := _CODE.search(text):
        return _coded(code[1], code[2], text)
    for reason, pattern, heals, meaning in _TEXTS:
        if match := re.search(pattern, text):
            line = one_line(text[text.rfind("\n", 0, match.start()) + 1 :].partition("\n")[0])[:300]
            return CompileError(reason, meaning if meaning.endswith(".") else f"{meaning}: {line}", heals)
    return None


def _coded(code: str, rest: str, text: str) -> CompileError:
    # E: the model or its options; others are the compiler's own failures, which the same graph meets again.
    reason = _REASON_OF_CODE.get(code, "CompilerRefused" if code.startswith("E") else "CompilerCrashed")
    said = one_line(rest.lstrip("] :"))
    message = f"{_MEANING[reason]}: [NCC_{code}] {said} ({_DOCUMENTED})"
    names = operators(text) if reason == "UnsupportedOperator" else ()
    return CompileError(reason, message, operators=names)


def operators(text: str) -> tuple[str, ...]:
    """The operators that a text calls unsupported, torch's and XLA's, sorted, each once."""
    named = re.findall(r"Operat(?:or|ion) ['\"]?([\w:.-]+)['\"]? is not supported", text)
    return tuple(sorted({*named, *operator_names(text)}))


def explained(error: Exception, directory: Path) -> Exception:
    """The failure that an exception and the compiler's log, in its working directory, stand for together; the
    exception itself where they say nothing that is known.
    """
    return found(f"{error}\n{log_of(directory)}") or error


def log_of(directory: Path) -> str:
    """The end of the compiler's log in a directory, empty where there is none."""
    try:
        with (directory / LOG_NAME).open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - _LOG_BYTES))
            return file.read().decode(errors="replace")
    except OSError:
        return ""


def reread(failure: CompileError, said: str) -> CompileError:
    """The failure as the process's own words explain it, where its reason is a general one."""
    if failure.reason == "UnsupportedOperator" and not failure.operators:
        failure.operators = operators(said)
    if failure.reason not in ("CompilerCrashed", "DeviceMissing", "CompilerOutOfMemory"):
        return failure
    better = found(said)
    if better is None or (failure.reason == "CompilerOutOfMemory" and better.reason != "DeviceOutOfMemory"):
        return failure
    better.step, better.log = failure.step, failure.log
    return better
