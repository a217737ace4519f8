"""`python -m neuron_compiler fetch | compile | publish | verify | record | collect | scrub`.

docs/architecture.md tells the environment and the exit codes.
"""

from __future__ import annotations

import argparse
import io
import os
import signal
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from neuron_artifact import collect
from neuron_contract import exits, steps, variables

from neuron_compiler import clock, compiling, fetching, message, publishing, scrubbing, verify
from neuron_compiler.failure import CompileError, storage_error
from neuron_compiler.request import Request, parse

Command = Callable[[Mapping[str, str]], dict[str, Any]]


def collect_command(environ: Mapping[str, str]) -> dict[str, Any]:
    """Removes the artifact DIGEST from STORE_PATH. Raises CompileError."""
    store = Path(environ.get(variables.STORE_PATH, "/artifacts"))
    digest = environ.get(variables.DIGEST, "")
    try:
        existed = collect(store, digest)
    except OSError as error:
        raise storage_error(error, store) from error
    print(f"collect: {digest} {'is removed' if existed else 'was not there'}", flush=True)
    return {"outcome": "Collected", "digest": digest}


def _asked(work: Callable[[Request, Mapping[str, str]], dict[str, Any]]) -> Command:
    """The command that does what COMPILE_REQUEST asks for."""
    return lambda environ: work(parse(environ.get(variables.COMPILE_REQUEST, "")), environ)


_COMMANDS: dict[str, Command] = {
    steps.FETCH: _asked(fetching.run),
    steps.COMPILE: _asked(compiling.run),
    steps.PUBLISH: _asked(publishing.run),
    steps.VERIFY: _asked(verify.run),
    steps.RECORD: _asked(verify.record),
    steps.COLLECT: collect_command,
    steps.SCRUB: scrubbing.run,
}


def main(words: list[str]) -> int:
    """Runs a command; whatever happens ends in a termination message and an exit code."""
    parser = argparse.ArgumentParser(prog="neuron_compiler", description=__doc__)
    parser.add_argument("command", choices=sorted(_COMMANDS))
    arguments = parser.parse_args(words)
    # Names of files may be no UTF-8, which is no reason to fail.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    # As process 1 of the container this process gets no default action for SIGTERM, and would sit out the
    # grace period; as an exception it ends the compiler and removes the temporary directory.
    signal.signal(signal.SIGTERM, _terminated)
    try:
        with clock.limited(arguments.command, _seconds(os.environ)):
            content, code = _COMMANDS[arguments.command](os.environ), exits.DONE
    except CompileError as error:
        content, code = message.failed(error), error.exit_code
    except Exception as error:
        traceback.print_exc()
        text = f"The compiler image failed ({type(error).__name__}: {error}): see the pod's log."
        content, code = message.failed(CompileError("CompilerCrashed", text)), exits.MAY_HEAL
    message.write(content)
    return code


def _seconds(environ: Mapping[str, str]) -> float | None:
    """How long the step may work, None where nobody says."""
    said = environ.get(variables.STEP_SECONDS)
    return float(said) if said else None


def _terminated(number: int, frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
