"""Checking an artifact that is published already: on the accelerator, or because it never was compared."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from neuron_artifact import (
    ArtifactCorrupt,
    ArtifactMissing,
    Benchmark,
    Manifest,
    Parity,
    Verification,
    artifact_path,
    manifest_sha256,
    read_verification,
    whole,
    write_verification,
)

from neuron_compiler import message
from neuron_compiler.child import verify_in_child
from neuron_compiler.failure import CompileError, storage_error
from neuron_compiler.request import Request
from neuron_compiler.sources import fetch

Verify = Callable[[Path, Mapping[str, str]], dict[str, Any]]
Compare = Callable[[Path, Mapping[str, str], Path], dict[str, Any]]


def run(
    request: Request, environ: Mapping[str, str], verify_artifact: Verify = verify_in_child
) -> dict[str, Any]:
    """Has a verdict beside the artifact of the request and returns the termination message.

    A verdict that keeps it from being served is written, too. Raises CompileError.
    """
    store = Path(environ.get("STORE_PATH", "/artifacts"))
    try:
        directory, manifest = _standing(store, request.digest)
        said = read_verification(directory)
        if said is not None and said.passed and (said.parity is not None or request.parity.policy == "Skip"):
            print(f"verify: {request.digest} is verified already", flush=True)
            return message.verified(manifest, said, manifest.seconds)
        started = time.monotonic()
        try:
            found = verify_artifact(directory, environ)
        except CompileError as error:
            if error.parity is not None:
                _write(directory, manifest.versions, error.parity, error.benchmark, passed=False)
            raise
        parity, benchmark = found["parity"], found["benchmark"]
        verification = _write(
            directory,
            found["versions"],
            Parity.from_dict(parity) if parity else None,
            Benchmark.from_dict(benchmark) if benchmark else None,
            passed=True,
        )
    except OSError as error:
        raise storage_error(error, store) from error
    seconds = {**found["seconds"], "total": round(time.monotonic() - started, 3)}
    return message.verified(manifest, verification, seconds)


def parity_of(
    request: Request,
    manifest: Manifest,
    store: Path,
    environ: Mapping[str, str],
    compare: Compare = verify_in_child,
) -> Parity | None:
    """The parity of an artifact in the store; measured now where the request asks for it and nobody did.

    None where the policy is Skip, or where the accelerator has still to measure it. What passes is written
    beside the manifest; what does not is raised as CompileError, and not written: others, whose policy is
    Skip, may be served from the same files. Raises OSError, too.
    """
    known = manifest.parity
    if known is not None or manifest.verification != "Done" or request.parity.policy == "Skip":
        return known
    directory = artifact_path(store, request.digest)
    said = read_verification(directory)
    if said is not None and said.passed and said.parity is not None:
        return said.parity
    print(f"parity: {request.digest} was never compared with the eager model: it is now", flush=True)
    # The very weights that were compiled, wherever a branch points by now.
    source = fetch(replace(request.model, revision=manifest.revision or request.model.revision), environ)
    found = compare(directory, environ, source.directory)
    parity = Parity.from_dict(found["parity"])
    _write(directory, found["versions"], parity, manifest.benchmark, passed=True)
    return parity


def _standing(store: Path, digest: str) -> tuple[Path, Manifest]:
    directory = artifact_path(store, digest)
    try:
        return directory, whole(directory, digest)
    except (ArtifactMissing, ArtifactCorrupt) as error:
        raise CompileError("CompilerCrashed", f"{error} Delete the NeuronArtifact to do so.") from error


def _write(
    directory: Path,
    versions: Mapping[str, str],
    parity: Parity | None,
    benchmark: Benchmark | None,
    *,
    passed: bool,
) -> Verification:
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    sha256 = manifest_sha256(directory)
    verification = Verification(directory.name, sha256, created, versions, parity, benchmark, passed)
    write_verification(directory, verification)
    return verification
