"""The model's files on this machine: from a claim, or from the Hugging Face hub."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from neuron_compiler import hub
from neuron_compiler.failure import CompileError
from neuron_compiler.request import Model


@dataclass(frozen=True)
class Source:
    """A directory with the model's files, and the commit they are of (None where there is no such thing)."""

    directory: Path
    revision: str | None


def fetch(model: Model, environ: Mapping[str, str]) -> Source:
    """Brings the model's files here. Raises CompileError."""
    try:
        return _fetch(model, environ)
    except PermissionError as error:
        raise CompileError(
            "ModelUnreadable",
            f"{error.filename or model.uri} can't be read: let the user 1000 read the model's files.",
        ) from error


def _fetch(model: Model, environ: Mapping[str, str]) -> Source:
    started = time.monotonic()
    scheme, _, rest = model.uri.partition("://")
    if scheme == "hf":
        source = Source(*hub.download(rest, model.revision, environ))
    elif scheme == "pvc":
        source = Source(on_claim(rest, Path(environ.get("SOURCE_PATH", "/source"))), None)
    else:
        raise CompileError(
            "SourceNotFound",
            f"The uri {model.uri} has an unknown scheme: write hf://organisation/name or pvc://claim/path.",
        )
    if not (source.directory / "config.json").is_file():
        raise CompileError(
            "ModelUnreadable",
            f"{model.uri} has no config.json: point the uri at a directory or repository of a transformers "
            "model.",
        )
    print(f"fetch: {model.uri} in {time.monotonic() - started:.1f} s", flush=True)
    return source


def on_claim(rest: str, mounted: Path) -> Path:
    """The directory of pvc://`rest` (claim/path) below the mounted claim.

    Raises CompileError when it does not exist, or leads out of the claim.
    """
    claim, _, path = rest.partition("/")
    root = mounted.resolve()
    directory = (root / path.strip("/")).resolve()
    if not directory.is_relative_to(root) or not directory.is_dir():
        raise CompileError(
            "SourceNotFound",
            f"The claim {claim} has no directory {path}: put the model's files there, or correct "
            "spec.model.uri.",
        )
    return directory
