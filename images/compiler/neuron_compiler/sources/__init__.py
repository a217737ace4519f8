"""The model's files on this machine, from wherever its uri says: one module for each scheme."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from neuron_compiler.failure import CompileError
from neuron_compiler.progress import Progress
from neuron_compiler.request import Model
from neuron_compiler.sources import claim, files, https, hub, s3


@dataclass(frozen=True)
class Source:
    """A directory with the model's files, and the commit they are of (None where there is no such thing)."""

    directory: Path
    revision: str | None


def fetch(model: Model, environ: Mapping[str, str], progress: type[Progress] = Progress) -> Source:
    """Brings the model's files here, telling of the bytes on the way. Raises CompileError."""
    started = time.monotonic()
    try:
        source, root = _fetch(model, environ, progress)
        files.check(source.directory, model, root)
    except PermissionError as error:
        raise CompileError(
            "ModelUnreadable",
            f"{error.filename or model.uri} can't be read: let the user 1000 read the model's files.",
        ) from error
    print(f"fetch: {model.uri} in {time.monotonic() - started:.1f} s", flush=True)
    return source


def _fetch(model: Model, environ: Mapping[str, str], progress: type[Progress]) -> tuple[Source, Path | None]:
    """The model's files, and where links among them may lead, if not to one another alone."""
    scheme = model.uri.partition("://")[0]
    if scheme == "hf":
        found = Source(*hub.download(model, environ, progress))
        # The hub's own client keeps files by their checksums, and has links to them.
        return found, found.directory.parent.parent
    if scheme == "s3":
        return Source(s3.download(model, environ, progress), None), None
    if scheme == "https":
        return Source(https.download(model, environ, progress), None), None
    if scheme == "pvc":
        mounted = Path(environ.get("SOURCE_PATH", "/source"))
        return Source(claim.directory(model.uri.removeprefix("pvc://"), mounted), None), mounted
    raise CompileError(
        "SourceNotFound",
        f"The uri {model.uri} has an unknown scheme: write hf://organisation/name, s3://bucket/prefix, "
        "pvc://claim/path or https://….",
    )
