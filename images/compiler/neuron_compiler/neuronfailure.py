"""What the Neuron compilers and their runtime say when they fail, and what it means.

torch_neuronx raises no more than `neuronx-cc failed with 70`: the code (NCC_...) is in what the compiler
prints and in log-neuron-cc.txt, which it writes into its working directory; the runtime prints its own lines
(NRT:...). Sources, in aws-neuron/aws-neuron-sdk: compiler/error-codes/index.rst,
neuron-runtime/nrt-troubleshoot.rst.
"""

from __future__ import annotations

import re
from pathlib import Path

from neuron_serving import runtimetexts

from neuron_compiler.failure import CompileError, one_line, operator_names
from neuron_compiler.neuroncodes import meaning_of

LOG_NAME = "log-neuron-cc.txt"
_TELLING = re.compile(
    r"NCC_[A-Z]{4}\d{3}|\[F1\d\d\]|not supported|not compiled by neuron-cc|Compile command returned"
)
_LOG_BYTES = 65536
_DOCUMENTED = "https://awsdocs-neuron.readthedocs-hosted.com/en/latest/compiler/error-codes/index.html"
_CODE = re.compile(r"NCC_([A-Z]{4}\d{3})([^\n]{0,300})")
_MEANING = {
    "DeviceOutOfMemory": "The model does not fit the accelerator's memory, and the pod's is not at fault",
    "ModelTooLarge": "The compiled graph is larger than the accelerator takes",
    "UnsupportedOperator": "The model uses operators that the target does not support, or not so",
    "DynamicShape": "The model has shapes that depend on its data",
    "SequenceTooLong": "The model looks up positions that it does not have",
    "CompilerRefused": "The Neuron compiler refuses the model or its options",
    "CompilerCrashed": "The Neuron compiler failed within itself",
}
_TEXTS: tuple[tuple[str, str, str], ...] = (
    (
        "ToolchainMissing",
        r"Unsupported Platform|supply (a )?compiler (target )?argument",
        "The compiler does not know for which target to compile: use operator and compiler image of one "
        "release",
    ),
    (
        "CompilerOutOfMemory",
        r"neuronx?-cc failed with -9\b|Compile command returned: -9\b|\[F137\]|forcibly killed",
        "The compiler was killed, normally for using more memory than the pod may: raise "
        "spec.compile.resources.limits.memory.",
    ),
    (
        "CompilerCrashed",
        r"Compile command returned: [^0\s]",
        "neuron-cc failed within itself, and would again: the pod's log says more, other options may help",
    ),
)


def found(text: str) -> CompileError | None:
    """The failure that a Neuron text stands for, None where it has none that is known."""
    if codes := list(_CODE.finditer(text)):
        # What was refused says more than what then fell over; of several the last ended the compile.
        refused = [each for each in codes if each[1].startswith("E")]
        last = (refused or codes)[-1]
        return _coded(last[1], last[2], text)
    for reason, pattern, meaning in _TEXTS:
        if match := re.search(pattern, text):
            line = one_line(text[text.rfind("\n", 0, match.start()) + 1 :].partition("\n")[0])[:300]
            return CompileError(reason, meaning if meaning.endswith(".") else f"{meaning}: {line}")
    said = runtimetexts.found(text)
    return None if said is None else CompileError(said.reason, said.message, said.heals)


def _coded(code: str, rest: str, text: str) -> CompileError:
    reason, advice = meaning_of(code)
    said = one_line(rest.lstrip("] :"))
    message = f"{_MEANING[reason]}: {advice}. [NCC_{code}] {said} ({_DOCUMENTED})"
    names = operators(text) if reason == "UnsupportedOperator" else ()
    return CompileError(reason, message, operators=names)


def is_telling(line: str) -> bool:
    """Whether a line may say why a compile or a load failed."""
    return _TELLING.search(line) is not None or runtimetexts.is_telling(line)


def operators(text: str) -> tuple[str, ...]:
    """The operators that a text calls unsupported, torch's and XLA's, sorted, each once."""
    named = re.findall(r"Operat(?:or|ion) ['\"]?([\w:.-]+)['\"]? is not supported", text)
    return tuple(sorted({*named, *operator_names(text)}))


def forget_log(directory: Path) -> None:
    """Removes what an earlier compile has left in a directory."""
    (directory / LOG_NAME).unlink(missing_ok=True)


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
    better = found(said)
    if failure.reason == "UnsupportedOperator" and not failure.operators:
        # torch_neuron stumbles in the same way where its compiler was killed.
        failure.operators = operators(said)
        explains = better is not None and better.reason in ("CompilerOutOfMemory", "CompilerCrashed")
    elif failure.reason == "CompilerOutOfMemory":
        explains = better is not None and better.reason == "DeviceOutOfMemory"
    else:
        explains = failure.reason in ("CompilerCrashed", "DeviceMissing")
    if better is None or not explains:
        return failure
    better.step, better.log = failure.step, failure.log
    return better
