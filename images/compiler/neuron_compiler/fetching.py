"""The first container of a compile Job: has the network, the Secret and the store, and none of the model's
code.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from neuron_artifact import (
    ArtifactCorrupt,
    ArtifactMissing,
    Manifest,
    artifact_path,
    bring,
    manifest_sha256,
    read_verification,
    whole,
    work,
)
from neuron_contract import variables

from neuron_compiler import handoff
from neuron_compiler.failure import storage_error
from neuron_compiler.handoff import Fetched
from neuron_compiler.request import Request
from neuron_compiler.sources import fetch
from neuron_compiler.waiting import locked


def run(request: Request, environ: Mapping[str, str]) -> dict[str, Any]:
    """Has the model's files in MODEL_PATH, unless the store has the artifact.

    Returns the termination message. Raises CompileError.
    """
    begun, started = time.time(), time.monotonic()
    store = Path(environ.get(variables.STORE_PATH, "/artifacts"))
    place = work.work_path(store, request.digest)
    measures = None
    try:
        with locked(place, request.digest) as alone:
            # What a killed writer has left is nobody's, now that the lock is held.
            if alone:
                work.clean(place)
            present = find(store, request.digest)
            if present is None:
                work.unmark_published(place)
            else:
                work.mark_published(place)
                print(f"publish: {present.digest} is in the store already", flush=True)
                directory = artifact_path(store, request.digest)
                if not is_unmeasured(request, present, directory):
                    handoff.write(Fetched(None, present.revision, begun, 0.0), environ)
                    return {"outcome": "Fetched", "digest": request.digest}
                print(f"parity: {request.digest} was never compared with the eager model", flush=True)
                measures = manifest_sha256(directory)
                copy = handoff.artifact_copy(environ)
                bring(directory, copy, request.digest, measures, buckets=True, passed=False)
    except OSError as error:
        raise storage_error(error, store) from error
    model = request.model
    if present is not None:
        # The very weights that were compiled, wherever a branch points by now.
        model = replace(model, revision=present.revision or model.revision)
    source = fetch(model, environ)
    seconds = round(time.monotonic() - started, 3)
    handoff.write(Fetched(str(source.directory), source.revision, begun, seconds, measures), environ)
    return {"outcome": "Fetched", "digest": request.digest, "revision": source.revision}


def find(store: Path, digest: str) -> Manifest | None:
    """The manifest of a whole artifact in the store; None where there is none, or a corrupt one."""
    try:
        return whole(artifact_path(store, digest), digest)
    except ArtifactMissing:
        return None
    except ArtifactCorrupt as error:
        print(f"publish: the artifact in the store is replaced: {error}", flush=True)
        return None


def is_unmeasured(request: Request, manifest: Manifest, directory: Path) -> bool:
    """Whether the request asks for a parity that nobody has measured.

    Not where the policy is Skip, nor where the accelerator has still to measure it.
    """
    if manifest.parity is not None or manifest.verification != "Done" or request.parity.policy == "Skip":
        return False
    said = read_verification(directory)
    return said is None or not said.passed or said.parity is None
