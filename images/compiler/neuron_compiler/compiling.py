"""The second container of a compile Job: runs the model's code.

It has no Secret and sees of the store nothing but the work on its own digest; what was fetched it can only
read.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from neuron_artifact import Attempt, work
from neuron_contract import variables
from neuron_contract.codec import to_json

from neuron_compiler import handoff
from neuron_compiler.child import compile_in_child, verify_in_child
from neuron_compiler.failure import CompileError, storage_error
from neuron_compiler.request import Request
from neuron_compiler.waiting import locked

_MOST_SECONDS = 1e9
Compile = Callable[[Path, Path, Mapping[str, str]], dict[str, Any]]
Compare = Callable[[Path, Mapping[str, str], Path], dict[str, Any]]


def run(
    request: Request,
    environ: Mapping[str, str],
    compile_model: Compile = compile_in_child,
    compare: Compare = verify_in_child,
) -> dict[str, Any]:
    """Has a finished attempt in WORK_PATH and returns the termination message. Raises CompileError."""
    place = Path(environ.get(variables.WORK_PATH, "/work"))
    fetched = handoff.read(environ)
    attempt = Attempt(place, environ.get(variables.POD_NAME, "compile"))
    said = {"outcome": "Compiled", "digest": request.digest}
    try:
        with locked(place, request.digest) as alone:
            if alone:
                work.clean(place)
            if fetched.measures is None and (
                work.is_published(place) or (alone and finished(place, request) is not None)
            ):
                print(f"publish: {request.digest} is compiled already", flush=True)
                return said
            if fetched.directory is None:
                raise CompileError(
                    "CompilerCrashed", "The artifact was removed while this pod started.", heals=True
                )
            attempt.begin()
            try:
                source, apart = Path(fetched.directory), _apart(environ)
                begun = time.monotonic()
                if fetched.measures is not None:
                    found = compare(handoff.artifact_copy(environ), apart, source)
                    facts = {"measured": found.get("parity"), "versions": found.get("versions")}
                else:
                    compiled = compile_model(source, attempt.files, apart)
                    seconds = with_start(compiled.get("seconds"), time.monotonic() - begun)
                    facts = {**compiled, "seconds": seconds, "peakMemoryBytes": peak_memory()}
                attempt.finish({**facts, "request": to_json(request)})
            except BaseException:
                attempt.remove()
                raise
    except OSError as error:
        raise storage_error(error, place) from error
    return said


def _apart(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment in which the model's code runs: it has no Secret, and the hub's libraries look at files
    alone, so that a checkpoint can't name another repository whose code is fetched and run.
    """
    kept = {name: value for name, value in environ.items() if name not in variables.SECRETS}
    return kept | {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}


def finished(place: Path, request: Request, owner: str | None = None) -> Attempt | None:
    """An attempt that ended well for the same request, that of the pod `owner` before others'."""
    found = [each for each in work.attempts(place) if _is_of(each, request)]
    own = [each for each in found if each.path.name == owner]
    return next(iter([*own, *found]), None)


def _is_of(attempt: Attempt, request: Request) -> bool:
    facts = attempt.facts()
    return facts is not None and "measured" not in facts and facts.get("request") == to_json(request)


def with_start(steps: Any, whole: float) -> dict[str, float]:
    """The steps of the compiling process, with what it took beyond them, importing torch above all, as
    compiling. What is no time is left out: the model's own code may have said it.
    """
    told = steps if isinstance(steps, dict) else {}
    known = {
        str(name): float(seconds)
        for name, seconds in told.items()
        if isinstance(seconds, int | float) and 0 <= seconds < _MOST_SECONDS
    }
    beyond = max(0.0, whole - sum(known.values()))
    return {**known, "compile": round(known.get("compile", 0.0) + beyond, 3)}


def peak_memory() -> int:
    """The largest resident memory, in bytes, of this process and of each that it waited for."""
    kibibytes = (
        resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return 1024 * max(kibibytes)
