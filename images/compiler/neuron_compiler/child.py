"""Running the compiling process, and making a result of whatever becomes of it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from neuron_artifact import Parity

from neuron_compiler.failure import CompileError, death

_WORKER = (sys.executable, "-m", "neuron_compiler.worker")


def compile_in_child(
    source: Path, output: Path, environ: Mapping[str, str], worker: Sequence[str] = _WORKER
) -> dict[str, Any]:
    """Runs the worker and returns what it reports as compiled.

    Raises CompileError with the worker's failure, or with what its death means. The worker and all that it
    started end with this call, also when this process is interrupted.
    """
    read, write = os.pipe()
    try:
        process = subprocess.Popen(
            [*worker, "--source", str(source), "--output", str(output), "--report", str(write)],
            pass_fds=(write,),
            env=dict(environ),
            start_new_session=True,
        )
    except OSError as error:
        os.close(read)
        message = f"The compiling process could not be started ({error.strerror}): give the pod more memory."
        raise CompileError("CompilerCrashed", message, heals=True) from error
    finally:
        os.close(write)
    step, result, failure = "compile", None, None
    try:
        with os.fdopen(read) as pipe:
            for line in pipe:
                event = json.loads(line)
                step = event.get("step", step)
                result = event.get("compiled", result)
                failure = event.get("failed", failure)
        code = process.wait()
    finally:
        _end(process)
    if failure is not None:
        raise _failure(failure)
    if code < 0 or code > 128:
        raise death(-code if code < 0 else code - 128, step)
    if result is None:
        raise CompileError(
            "CompilerCrashed",
            f"The compiler ended with code {code} during the step {step}: see the pod's log.",
            True,
        )
    return dict(result)


def _failure(content: Mapping[str, Any]) -> CompileError:
    parity = content.get("parity")
    verdict = Parity.from_dict(parity) if parity else None
    return CompileError(content["reason"], content["message"], content["heals"], verdict)


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
