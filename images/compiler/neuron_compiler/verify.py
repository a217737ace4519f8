"""The verify command: an artifact compiled on an ordinary node, checked on the accelerator."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
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

Verify = Callable[[Path, Mapping[str, str]], dict[str, Any]]


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
        if said is not None and said.passed:
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
