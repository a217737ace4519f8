"""Running the compiling process, and making a result of whatever becomes of it."""

from __future__ import annotations

import collections
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from neuron_artifact import Benchmark, Parity

from neuron_compiler import neuronfailure
from neuron_compiler.failure import CompileError, death, death_of_reading, printable

_WORKER = (sys.executable, "-m", "neuron_compiler.worker")
_VERIFIER = (sys.executable, "-m", "neuron_compiler.verifier")
_LOG_LINES = 40
_LOG_BYTES = 1500
# No line is read beyond this: a model's own code may print anything.
_LINE_BYTES = 65536
# No event is larger: facts.json, which it becomes, has a bound as well.
_REPORT_BYTES = 8 << 20
_STEP_CHARACTERS = 64
_TELLING_LINES, _TELLING_CHARACTERS = 40, 500


def compile_in_child(
    source: Path, output: Path, environ: Mapping[str, str], worker: Sequence[str] = _WORKER
) -> dict[str, Any]:
    """Runs the worker and returns what it reports as compiled. Raises as `run` does."""
    return run([*worker, "--source", str(source), "--output", str(output)], environ)


def verify_in_child(
    artifact: Path,
    environ: Mapping[str, str],
    source: Path | None = None,
    verifier: Sequence[str] = _VERIFIER,
) -> dict[str, Any]:
    """Runs the verifier and returns what it found of the artifact. Raises as `run` does.

    `source`: the model's files, for an artifact that keeps no examples.
    """
    words = () if source is None else ("--source", str(source))
    return run([*verifier, "--artifact", str(artifact), *words], environ)


def run(command: Sequence[str], environ: Mapping[str, str], own_group: bool = True) -> dict[str, Any]:
    """Runs a process that reports on the pipe it is given, and returns what it reports as done.

    Raises CompileError with the process's failure, or with what its death means. It and, in a group
    of its own, all that it started end with this call, also when this process is interrupted.
    """
    read, write = os.pipe()
    try:
        process = subprocess.Popen(
            [*command, "--report", str(write)],
            pass_fds=(write,),
            # The model's files are here: whatever a library still wants to fetch is pinned by nobody.
            env={**environ, "HF_HUB_OFFLINE": "1"},
            start_new_session=own_group,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    except OSError as error:
        os.close(read)
        message = f"The compiling process could not be started ({error.strerror}): give the pod more memory."
        raise CompileError("CompilerCrashed", message, heals=True) from error
    finally:
        os.close(write)
    step, reading, result, failure = "compile", None, None, None
    log = _Tail(process.stdout)
    try:
        with os.fdopen(read, "rb") as pipe:
            while line := pipe.readline(_REPORT_BYTES):
                event = _event(line)
                step = str(event.get("step", step))[:_STEP_CHARACTERS]
                reading = event.get("reading", reading)
                result = event.get("done", result)
                failure = event.get("failed", failure)
        code = process.wait()
    finally:
        _end(process, own_group)
    if failure is None and result is not None and code == 0:
        return _object(result)
    ended = _reported(failure) if failure is not None else _end_of(code, step, reading)
    ended.step, ended.log = step, log.text()
    raise neuronfailure.reread(ended, log.telling())


def _event(line: bytes) -> dict[str, Any]:
    """An event of the process. The model's own code can write where it reports."""
    try:
        return _object(json.loads(line))
    except (ValueError, RecursionError):
        raise _disturbed() from None


def _object(said: Any) -> dict[str, Any]:
    if not isinstance(said, dict):
        raise _disturbed()
    return said


def _reported(content: Any) -> CompileError:
    try:
        return failure_of(content)
    except (KeyError, TypeError, ValueError, AttributeError):
        return _disturbed()


def _disturbed() -> CompileError:
    return CompileError(
        "CustomCodeFailed",
        "Code of the model's own has written into what the compiler reports: let it leave alone the files "
        "that it has not opened.",
    )


class _Tail:
    """Passes on what a process says, and keeps the end of it."""

    def __init__(self, stream: IO[bytes] | None) -> None:
        assert stream is not None
        self._lines: collections.deque[str] = collections.deque(maxlen=_LOG_LINES)
        self._telling: collections.deque[str] = collections.deque(maxlen=_TELLING_LINES)
        self._thread = threading.Thread(target=self._copy, args=(stream,), daemon=True)
        self._thread.start()

    def _copy(self, stream: IO[bytes]) -> None:
        with stream:
            while line := stream.readline(_LINE_BYTES):
                text = printable(line.decode(errors="replace").replace("\r", "\n"))
                print(text, end="", flush=True)
                if not text.startswith("progress: "):
                    self._lines.append(text)
                if neuronfailure.is_telling(text):
                    self._telling.append(text[:_TELLING_CHARACTERS])

    def text(self) -> str:
        """The last lines, at most 1500 bytes; to be asked for when the process and its children are gone."""
        self._thread.join()
        return "".join(self._lines).encode()[-_LOG_BYTES:].decode(errors="ignore")

    def telling(self) -> str:
        """The lines that may say why a Neuron compiler or its runtime failed; to be asked for as `text`."""
        self._thread.join()
        return "\n".join(line.rstrip("\n") for line in self._telling)


def failure_of(content: Mapping[str, Any]) -> CompileError:
    """The failure that a process reports. Raises KeyError, TypeError or ValueError for what is none."""
    parity, benchmark = content.get("parity"), content.get("benchmark")
    failure = CompileError(
        str(content["reason"]),
        str(content["message"]),
        bool(content["heals"]),
        Parity.from_dict(parity) if parity else None,
        Benchmark.from_dict(benchmark) if benchmark else None,
        tuple(content.get("operators") or ()),
    )
    failure.step, failure.log = content.get("step"), str(content.get("log", ""))
    return failure


def _end_of(code: int, step: str, reading: Any) -> CompileError:
    if code < 0 or code > 128:
        number = -code if code < 0 else code - 128
        return death_of_reading(number, str(reading)) if reading else death(number, step)
    message = f"The compiler ended with code {code} during the step {step}: see the pod's log."
    return CompileError("CompilerCrashed", message, True)


def _end(process: subprocess.Popen[bytes], group: bool) -> None:
    with contextlib.suppress(ProcessLookupError):
        if group:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()
