"""How a child process tells its parent what happens: JSON lines on a pipe.

{"step": name} when a step begins, and again with "reading" where a model's files are read, then {"done": ...}
or {"failed": ...}.
"""

from __future__ import annotations

import io
import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from neuron_compiler.failure import CompileError, classify, is_panic
from neuron_compiler.message import failed
from neuron_compiler.shapes import Clock


def report_to(descriptor: int, work: Callable[[Clock], Mapping[str, Any]]) -> None:
    """Does the work and says on the pipe what came of it; whatever it raises is a failure with a reason."""
    # Names of files and labels may be no UTF-8, which is no reason to fail.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    with os.fdopen(descriptor, "w", buffering=1) as pipe:

        def announce(event: Mapping[str, Any]) -> None:
            pipe.write(json.dumps(event) + "\n")

        try:
            announce({"done": work(Clock(announce))})
        except BaseException as error:
            if not isinstance(error, Exception | SystemExit) and not is_panic(error):
                raise
            if not isinstance(error, CompileError):
                traceback.print_exc()
            failure = classify(error)
            announce({"failed": {**failed(failure), "heals": failure.heals}})


def leave(code: int) -> NoReturn:
    """Ends the process, at once where it can: torch takes two seconds to take itself down, and all files are
    written. A Neuron runtime gives its cores back in its own way.
    """
    if not sys.modules.keys().isdisjoint(("torch_neuronx", "torch_neuron")):
        sys.exit(code)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
