"""The whole compile: fetch, compile with parity and benchmark in a child process, publish."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from neuron_artifact import (
    FORMAT_VERSION,
    ArtifactCorrupt,
    ArtifactMissing,
    Manifest,
    Publication,
    artifact_path,
    clean_abandoned,
    read_manifest,
    whole,
    writer_lock,
)
from neuron_contract.codec import to_json

from neuron_compiler import message
from neuron_compiler.child import compile_in_child
from neuron_compiler.failure import storage_error
from neuron_compiler.progress import Progress
from neuron_compiler.request import Request
from neuron_compiler.sources import Source, fetch
from neuron_compiler.verify import parity_of

Compile = Callable[[Path, Path, Mapping[str, str]], dict[str, Any]]


def run(
    request: Request, environ: Mapping[str, str], compile_model: Compile = compile_in_child
) -> dict[str, Any]:
    """Has the artifact of the request in the store and returns the termination message. Raises
    CompileError.
    """
    started = time.monotonic()
    store = Path(environ.get("STORE_PATH", "/artifacts"))
    try:
        with writer_lock(store, request.digest, lambda: _waiting(request.digest)):
            # What a killed writer has left is nobody's, now that the lock is held.
            clean_abandoned(store, request.digest)
            if (present := find(store, request.digest)) is not None:
                print(f"publish: {present.digest} is in the store already", flush=True)
                parity = parity_of(request, present, store, environ)
                said = message.done(
                    present, "AlreadyPublished", size(present), present.seconds, peak_memory()
                )
                return {**said, "parity": parity.to_dict() if parity else None}
            return _compile(request, environ, store, started, compile_model)
    except OSError as error:
        raise storage_error(error, store) from error


def _waiting(digest: str) -> None:
    print(f"publish: another compile of {digest} goes on; waiting for it", flush=True)


def find(store: Path, digest: str) -> Manifest | None:
    """The manifest of a whole artifact in the store; None where there is none, or a corrupt one."""
    try:
        return whole(artifact_path(store, digest), digest)
    except ArtifactMissing:
        return None
    except ArtifactCorrupt as error:
        print(f"publish: the artifact in the store is replaced: {error}", flush=True)
        return None


def _compile(
    request: Request, environ: Mapping[str, str], store: Path, started: float, compile_model: Compile
) -> dict[str, Any]:
    # The store is tried before the download: a volume that can't be written to is known at once.
    with Publication(store, request.digest, environ.get("POD_NAME", "compile")) as publication:
        begun = time.monotonic()
        source = fetch(request.model, environ)
        seconds = {"fetch": elapsed(begun)}
        begun = time.monotonic()
        compiled = compile_model(source.directory, publication.path, environ)
        seconds |= with_start(compiled["seconds"], elapsed(begun))
        manifest = make_manifest(request, source, compiled, {**seconds, "total": elapsed(started)})
        begun = time.monotonic()
        written = sum(file.stat().st_size for file in publication.path.rglob("*") if file.is_file())
        path = publication.publish(manifest, Progress("publish", "bytes", written).advance)
        seconds |= {"publish": elapsed(begun), "total": elapsed(started)}
        outcome = "AlreadyPublished" if publication.lost_race else "Published"
    standing = read_manifest(path)
    print(f"publish: {path}, {size(standing) / 1e6:.1f} MB in {seconds['publish']:.1f} s", flush=True)
    return message.done(standing, outcome, size(standing), seconds, peak_memory())


def make_manifest(
    request: Request, source: Source, compiled: Mapping[str, Any], seconds: Mapping[str, float]
) -> Manifest:
    """The manifest of what the worker compiled; its list of files is filled in when it is published."""
    content = {
        **compiled,
        "formatVersion": FORMAT_VERSION,
        "digest": request.digest,
        "createdAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "request": to_json(request),
        "revision": source.revision,
        "family": request.family,
        "verification": "Needed" if request.verified_elsewhere else "Done",
        "seconds": seconds,
        "files": [],
    }
    return Manifest.from_dict(content)


def with_start(steps: Mapping[str, float], whole: float) -> dict[str, float]:
    """The steps of the compiling process, with what it took beyond them, importing torch above all, as
    compiling.
    """
    beyond = max(0.0, whole - sum(steps.values()))
    return {**steps, "compile": round(steps["compile"] + beyond, 3)}


def peak_memory() -> int:
    """The largest resident memory, in bytes, of this process and of each that it waited for."""
    kibibytes = (
        resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return 1024 * max(kibibytes)


def elapsed(since: float) -> float:
    """Seconds since a time of the monotonic clock, to the millisecond."""
    return round(time.monotonic() - since, 3)


def size(manifest: Manifest) -> int:
    """The bytes of the artifact's files, the manifest itself left out."""
    return sum(entry.bytes for entry in manifest.files)
