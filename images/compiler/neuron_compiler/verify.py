"""Checking an artifact on the accelerator, where it was compiled on an ordinary node.

Two containers: one runs the compiled model and can only read the store, the other writes the verdict beside
the artifact and runs nothing of it.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from neuron_artifact import (
    ArtifactCorrupt,
    ArtifactMissing,
    Benchmark,
    Parity,
    Verification,
    artifact_path,
    bring,
    durable,
    read_bounded,
    read_manifest,
    read_verification,
    write_verification,
)
from neuron_contract import variables

from neuron_compiler import message
from neuron_compiler.child import failure_of, verify_in_child
from neuron_compiler.failure import CompileError, storage_error
from neuron_compiler.request import Request

Verify = Callable[[Path, Mapping[str, str]], dict[str, Any]]

_REPORT = "verified.json"
_MOST_REPORT = 4 << 20


def run(
    request: Request, environ: Mapping[str, str], verify_artifact: Verify = verify_in_child
) -> dict[str, Any]:
    """Leaves what was found in REPORT_PATH and returns the termination message.

    A verdict that keeps the artifact from being served is left there, too. Raises CompileError.
    """
    directory, sha256 = _standing(request, environ)
    said = read_verification(directory)
    if said is not None and said.passed and (said.parity is not None or request.parity.policy == "Skip"):
        print(f"verify: {request.digest} is verified already", flush=True)
        _leave({}, environ)
        return {"outcome": "Checked", "digest": request.digest}
    started = time.monotonic()
    scratch = Path(environ.get("TMPDIR") or tempfile.gettempdir()) / "artifact"
    try:
        # What is loaded is what was checked: a copy on this node, which nobody else can change.
        bring(directory, scratch, request.digest, sha256, buckets=True, passed=False)
        found = verify_artifact(scratch, environ)
    except CompileError as error:
        if error.parity is None:
            raise
        _leave({"failed": {**message.failed(error), "heals": error.heals}}, environ)
        return {"outcome": "Checked", "digest": request.digest}
    except (ArtifactMissing, ArtifactCorrupt) as error:
        raise _not_standing(error) from error
    except OSError as error:
        raise storage_error(error, directory) from error
    seconds = {**found["seconds"], "total": round(time.monotonic() - started, 3)}
    _leave({"found": {**found, "seconds": seconds}}, environ)
    return {"outcome": "Checked", "digest": request.digest}


def record(request: Request, environ: Mapping[str, str]) -> dict[str, Any]:
    """Writes the verdict beside the artifact and returns the termination message. Raises CompileError."""
    directory, sha256 = _standing(request, environ)
    try:
        manifest = read_manifest(directory, sha256)
        report = json.loads(read_bounded(_report(environ), _MOST_REPORT))
        if "failed" in report:
            failure = failure_of(report["failed"])
            _write(directory, sha256, manifest.versions, failure.parity, failure.benchmark, passed=False)
            raise failure
        if "found" not in report:
            said = read_verification(directory)
            if said is None or not said.passed:
                raise CompileError("CompilerCrashed", "The artifact is not verified yet.", heals=True)
            return message.verified(manifest, said, manifest.seconds, sha256=sha256)
        found = report["found"]
        parity, benchmark = found["parity"], found["benchmark"]
        verdict = _write(
            directory,
            sha256,
            found["versions"],
            Parity.from_dict(parity) if parity else None,
            Benchmark.from_dict(benchmark) if benchmark else None,
            passed=True,
        )
    except (ArtifactMissing, ArtifactCorrupt) as error:
        raise _not_standing(error) from error
    except OSError as error:
        raise storage_error(error, directory) from error
    except (KeyError, TypeError, ValueError) as error:
        raise CompileError("CompilerCrashed", f"The verifier has left no report ({error!r}).") from error
    return message.verified(manifest, verdict, found["seconds"], sha256=sha256)


def _standing(request: Request, environ: Mapping[str, str]) -> tuple[Path, str]:
    """Where the artifact is, and the sha256 of the manifest that is to be verified."""
    directory = artifact_path(Path(environ.get(variables.STORE_PATH, "/artifacts")), request.digest)
    sha256 = environ.get(variables.MANIFEST_SHA256, "")
    if not sha256:
        raise CompileError(
            "CompilerCrashed", f"{variables.MANIFEST_SHA256} is not set: it says which artifact to verify."
        )
    return directory, sha256


def _not_standing(error: Exception) -> CompileError:
    return CompileError("CompilerCrashed", f"{error} Delete the NeuronArtifact to do so.")


def _report(environ: Mapping[str, str]) -> Path:
    return Path(environ.get(variables.REPORT_PATH, "/report")) / _REPORT


def _leave(report: Mapping[str, Any], environ: Mapping[str, str]) -> None:
    path = _report(environ)
    path.unlink(missing_ok=True)
    durable.write(path, json.dumps(report).encode())


def _write(
    directory: Path,
    sha256: str,
    versions: Mapping[str, str],
    parity: Parity | None,
    benchmark: Benchmark | None,
    *,
    passed: bool,
) -> Verification:
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    verification = Verification(directory.name, sha256, created, versions, parity, benchmark, passed)
    write_verification(directory, verification)
    return verification
