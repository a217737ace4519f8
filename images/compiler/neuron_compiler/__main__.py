"""`python -m neuron_compiler compile | verify | collect`.

docs/architecture.md tells the environment and the exit codes.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from neuron_artifact import collect
from neuron_contract import exits

from neuron_compiler import message, pipeline, verify
from neuron_compiler.failure import CompileError, storage_error
from neuron_compiler.request import parse


def compile_command(environ: Mapping[str, str]) -> dict[str, Any]:
    """Compiles COMPILE_REQUEST into STORE_PATH. Raises CompileError."""
    return pipeline.run(parse(environ.get("COMPILE_REQUEST", "")), environ)


def verify_command(environ: Mapping[str, str]) -> dict[str, Any]:
    """Checks the artifact of COMPILE_REQUEST in STORE_PATH on this machine. Raises CompileError."""
    return verify.run(parse(environ.get("COMPILE_REQUEST", "")), environ)


def collect_command(environ: Mapping[str, str]) -> dict[str, Any]:
    """Removes the artifact DIGEST from STORE_PATH. Raises CompileError."""
    store, digest = Path(environ.get("STORE_PATH", "/artifacts")), environ.get("DIGEST", "")
    try:
        existed = collect(store, digest)
    except OSError as error:
        raise storage_error(error, store) from error
    print(f"collect: {digest} {'is removed' if existed else 'was not there'}", flush=True)
    return {"outcome": "Collected", "digest": digest}


_COMMANDS: dict[str, Callable[[Mapping[str, str]], dict[str, Any]]] = {
    "compile": compile_command,
    "verify": verify_command,
    "collect": collect_command,
}


def main(words: list[str]) -> int:
    """Runs a command; whatever happens ends in a termination message and an exit code."""
    parser = argparse.ArgumentParser(prog="neuron_compiler", description=__doc__)
    parser.add_argument("command", choices=sorted(_COMMANDS))
    arguments = parser.parse_args(words)
    # As process 1 of the container this process gets no default action for SIGTERM, and would sit out the
    # grace period; as an exception it ends the compiler and removes the temporary directory.
    signal.signal(signal.SIGTERM, _terminated)
    try:
        content, code = _COMMANDS[arguments.command](os.environ), exits.DONE
    except CompileError as error:
        content, code = message.failed(error), error.exit_code
    except Exception as error:
        traceback.print_exc()
        text = f"The compiler image failed ({type(error).__name__}: {error}): see the pod's log."
        content, code = message.failed(CompileError("CompilerCrashed", text)), exits.MAY_HEAL
    message.write(content)
    return code


def _terminated(number: int, frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
