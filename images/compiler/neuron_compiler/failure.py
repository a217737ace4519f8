"""Why a compile failed, as the operator and the user see it."""

from __future__ import annotations

import errno
import os
import re
import shutil
import signal
import tempfile
from pathlib import Path

from neuron_artifact import Benchmark, Parity
from neuron_contract import exits, variables

_LITTLE_BYTES = 16 * 2**20

_UNPRINTABLE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

# A process gets these for what it does itself, and does it again with the same files.
_OF_ITSELF = (signal.SIGABRT, signal.SIGSEGV, signal.SIGILL, signal.SIGFPE, signal.SIGTRAP)


class CompileError(Exception):
    """A failure with a reason from the project's fixed list and one sentence that says what to do.

    `heals` tells whether the same request may succeed later: the network, the disk, a lost process.
    `operators` are the names of those the target does not have. `step` and `log`, the last lines of what the
    step said, are filled in where they are known.
    """

    def __init__(
        self,
        reason: str,
        message: str,
        heals: bool = False,
        parity: Parity | None = None,
        benchmark: Benchmark | None = None,
        operators: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.heals = heals
        self.parity = parity
        self.benchmark = benchmark
        self.operators = operators
        self.step: str | None = None
        self.log = ""

    @property
    def exit_code(self) -> int:
        """The exit code of the process."""
        return exits.MAY_HEAL if self.heals else exits.FAILED


def storage_error(error: OSError, path: Path) -> CompileError:
    """What an error of the file system means for the user; `path` is the directory written to.

    The error may name a file elsewhere: what lies on the node's disk is not the volume's fault.
    """
    named = Path(error.filename) if isinstance(error.filename, str) else path
    if error.errno in (errno.ENOSPC, errno.EDQUOT) and not named.is_relative_to(path):
        place = next((scratch for scratch in _scratch() if named.is_relative_to(scratch)), None)
        if place is not None:
            return node_disk_full(f"No space is left in {place}")
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return CompileError(
            "StorageFull", f"No space is left in {path}: enlarge the volume or free space on it.", True
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return CompileError(
            "StorageUnwritable",
            f"{path} can't be written to ({error.strerror}): give the user 1000 or the group 1000 write "
            "access to the claim, or use a claim that mounts read-write.",
        )
    return CompileError(
        "StorageUnwritable",
        f"{path} failed ({error.strerror or error}): look at the volume and its server.",
        True,
    )


def node_disk_full(what: str) -> CompileError:
    """The node's disk, where scratch space is, has no room left."""
    return CompileError(
        "NodeDiskFull",
        f"{what}, which is on the node's disk: let the compile run on a node with a larger one "
        "(spec.compile.nodeSelector), and ask for room in spec.compile.resources.requests.ephemeral-storage.",
        heals=True,
    )


def _scratch() -> list[Path]:
    """Where a container writes to its node's disk."""
    told = (os.environ.get(name) for name in (variables.MODEL_PATH, variables.REPORT_PATH))
    return [Path(place) for place in (*told, tempfile.gettempdir()) if place]


def _is_of_scratch(text: str) -> bool:
    """Whether it is the node's disk that a text without a path of the volume complains about."""
    volume = os.environ.get(variables.WORK_PATH) or os.environ.get(variables.STORE_PATH)
    if volume is None or f"{volume}/" in text:
        return False
    if any(f"{place}/" in text for place in _scratch()):
        return True
    try:
        full = min(shutil.disk_usage(place).free for place in _scratch()) < _LITTLE_BYTES
        return full and shutil.disk_usage(volume).free >= _LITTLE_BYTES
    except OSError:
        return False


# What torch and allocators say, in the order of asking.
_TEXTS: tuple[tuple[str, re.Pattern[str], str], ...] = (
    (
        "CompilerOutOfMemory",
        re.compile(r"can't allocate memory|out of memory|not enough memory", re.I),
        "The compiler ran out of memory: raise spec.compile.resources.limits.memory.",
    ),
    (
        "UnsupportedOperator",
        re.compile(r"unsupported operator|Unsupported ops?\b", re.I),
        "The model uses operators that the target does not support",
    ),
    (
        "DynamicShape",
        re.compile(r"dynamic shape|data-dependent|Tracer cannot infer|[Oo]nly tensors", re.I),
        "The model has shapes or outputs that depend on its data and can't be traced",
    ),
    (
        "StorageFull",
        re.compile(
            r"PytorchStreamWriter failed writing|No space left on device|quota exceeded|errno 28\b", re.I
        ),
        "The compiled model could not be written whole: enlarge the volume or free space on it.",
    ),
)


def classify(error: BaseException) -> CompileError:
    """The failure that an exception of the compile step stands for."""
    if isinstance(error, CompileError):
        return error
    if isinstance(error, SystemExit):
        return CompileError(
            "CustomCodeFailed",
            f"Code of the model's own ended the process (exit {error.code}): correct it, or leave "
            "spec.model.trustRemoteCode out where transformers knows the model itself.",
        )
    # It builds on this module.
    from neuron_compiler import neuronfailure

    if (known := neuronfailure.found(str(error))) is not None:
        return known
    text = one_line(str(error)) or type(error).__name__
    if isinstance(error, MemoryError):
        text = f"out of memory {text}"
    for reason, pattern, sentence in _TEXTS:
        if pattern.search(text):
            if reason == "StorageFull" and _is_of_scratch(text):
                return node_disk_full(f"Not all could be written ({text[:300]})")
            message = sentence if sentence.endswith(".") else f"{sentence}: {text[:600]}"
            names = operator_names(text) if reason == "UnsupportedOperator" else ()
            return CompileError(reason, message, heals=reason == "StorageFull", operators=names)
    return CompileError(
        "CompilerCrashed",
        f"The compiler ended with {type(error).__name__}: {text[:600]}. The pod's log has the whole trace.",
        # The same files and the same code raise the same error again; a file system may answer next time.
        heals=isinstance(error, OSError),
    )


def is_panic(error: BaseException) -> bool:
    """Whether a library that is written in Rust gave up, which is no Exception for Python."""
    return type(error).__name__ == "PanicException"


def of_model(error: Exception, architecture: str, doing: str, lacking: str = "") -> CompileError:
    """The failure that an exception of the model's own code stands for, while `doing` something with it.

    What the compiler's texts explain is told as such. All else is the architecture's fault, and stays so:
    nothing is tried again. `lacking` is a sentence about what the model may miss.
    """
    failure = classify(error)
    if failure.reason != "CompilerCrashed" or isinstance(error, OSError):
        return failure
    text = f"{type(error).__name__}: {one_line(str(error))[:400]}"
    return CompileError(
        "UnsupportedArchitecture",
        f"{architecture} can't be {doing} ({text}).{lacking} Choose another model or task.",
    )


def operator_names(text: str) -> tuple[str, ...]:
    """The names of torch's operators (aten::... and the like) in a text, sorted, each once."""
    return tuple(sorted(set(re.findall(r"\b(?:aten|prim|torchvision)::\w+", text))))


def one_line(text: str) -> str:
    """The text with its line breaks and runs of spaces made single spaces, and all of it printable."""
    return printable(" ".join(text.split()))


def printable(text: str) -> str:
    """The text with nothing in it that is not shown, but for line breaks: names of files and labels are
    somebody else's, and terminals and readers obey some characters.
    """
    return _UNPRINTABLE.sub("?", text.replace("\t", " "))


def death_of_reading(signal_number: int, uri: str) -> CompileError:
    """What it means that the compiling process was ended by a signal while it read a model's files."""
    if signal_number not in _OF_ITSELF:
        return death(signal_number, "compile")
    return CompileError(
        "ModelUnreadable",
        f"A library gave up on a file of {uri} (signal {signal_number}): the log's last lines tell which; "
        "save the model anew.",
    )


def death(signal_number: int, step: str) -> CompileError:
    """What it means that the compiling process was ended by a signal during a step."""
    if signal_number == 9:
        return CompileError(
            "CompilerOutOfMemory",
            f"The compiler was killed during the step {step}, normally for using more memory than the pod "
            "may: raise spec.compile.resources.limits.memory.",
        )
    return CompileError(
        "CompilerCrashed",
        f"The compiler was ended by signal {signal_number} during the step {step}: see the pod's log; "
        "another sequence length, or extraArgs of the compiler, may avoid the crash.",
        heals=True,
    )
