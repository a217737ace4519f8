"""What the fetching container tells the ones after it: a file beside the model, which they can't write to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from neuron_artifact import durable
from neuron_contract import codec, variables

from neuron_compiler.failure import CompileError

_NAME = "fetched.json"
_ARTIFACT = "artifact"


@dataclass(frozen=True)
class Fetched:
    """What was fetched.

    `directory` has the model's files (None: nothing was to be fetched), `revision` is their commit, `begun`
    the POSIX time at which the pod began, `seconds` what fetching took. `measures`: of an artifact in the
    store whose parity is to be measured, the sha256 of its manifest; a copy of it lies beside the model.
    """

    directory: str | None
    revision: str | None
    begun: float
    seconds: float
    measures: str | None = None


def place(environ: Mapping[str, str]) -> Path:
    """Where the model's files and this file lie."""
    return Path(environ.get(variables.MODEL_PATH, "/model"))


def artifact_copy(environ: Mapping[str, str]) -> Path:
    """Where the copy of an artifact lies whose parity is to be measured."""
    return place(environ) / _ARTIFACT


def write(fetched: Fetched, environ: Mapping[str, str]) -> None:
    """Leaves it for the containers that follow."""
    path = place(environ) / _NAME
    path.unlink(missing_ok=True)
    durable.write(path, json.dumps(codec.to_json(fetched)).encode())


def read(environ: Mapping[str, str]) -> Fetched:
    """What the container before has left. Raises CompileError when it has left nothing."""
    try:
        return codec.from_json(Fetched, json.loads((place(environ) / _NAME).read_bytes()))
    except (OSError, ValueError) as error:
        raise CompileError(
            "CompilerCrashed", f"Nothing was fetched into {place(environ)} ({error}).", heals=True
        ) from error
