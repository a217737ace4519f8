"""The last container of a compile Job: has the store, runs none of the model's code and unpickles nothing.

What the compiling container has left was written beside that code: names, kinds and sizes are looked at, the
checksums are taken here, and what the request says is never read from there.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neuron_artifact import (
    ArtifactCorrupt,
    Attempt,
    Manifest,
    Parity,
    Publication,
    Verification,
    artifact_path,
    manifest_sha256,
    read_manifest,
    read_verification,
    work,
    write_verification,
)
from neuron_contract import variables

from neuron_compiler import compiling, handoff, message
from neuron_compiler.failure import CompileError, storage_error
from neuron_compiler.fetching import find
from neuron_compiler.handoff import Fetched
from neuron_compiler.pipeline import make_manifest
from neuron_compiler.progress import Progress
from neuron_compiler.request import Request
from neuron_compiler.sources import Source
from neuron_compiler.waiting import locked


def run(request: Request, environ: Mapping[str, str]) -> dict[str, Any]:
    """Has the artifact of the request in the store and returns the termination message. Raises
    CompileError.
    """
    store = Path(environ.get(variables.STORE_PATH, "/artifacts"))
    place = work.work_path(store, request.digest)
    fetched = handoff.read(environ)
    owner = environ.get(variables.POD_NAME, "compile")
    try:
        with locked(place, request.digest) as alone:
            present = find(store, request.digest)
            if present is not None:
                said = _present(request, present, store, fetched, Attempt(place, owner))
            else:
                work.unmark_published(place)
                attempt = compiling.finished(place, request, owner)
                if attempt is None:
                    raise CompileError(
                        "CompilerCrashed", "What this pod has compiled is gone from the store.", heals=True
                    )
                said = _publish(request, store, fetched, attempt)
            work.mark_published(place)
            if alone:
                work.clean(place, finished=True)
            return said
    except OSError as error:
        raise storage_error(error, store) from error


def _publish(request: Request, store: Path, fetched: Fetched, attempt: Attempt) -> dict[str, Any]:
    facts = attempt.facts() or {}
    begun = time.monotonic()
    with Publication(store, request.digest, attempt.path.name, attempt) as publication:
        try:
            manifest = _manifest(request, fetched, facts)
            written = sum(file.lstat().st_size for file in publication.path.rglob("*"))
            path = publication.publish(manifest, Progress("publish", "bytes", written).advance)
        except (ValueError, ArtifactCorrupt) as error:
            raise CompileError(
                "CompilerCrashed", f"What was compiled can't be published ({error}): see the pod's log."
            ) from error
        outcome = "AlreadyPublished" if publication.lost_race else "Published"
    standing = read_manifest(path, publication.sha256)
    publish = round(time.monotonic() - begun, 3)
    total = round(max(0.0, time.time() - fetched.begun), 3)
    print(f"publish: {path}, {size(standing) / 1e6:.1f} MB in {publish:.1f} s", flush=True)
    seconds = {**standing.seconds, "publish": publish, "total": total}
    return message.done(standing, outcome, size(standing), seconds, _peak(facts), sha256=publication.sha256)


def _present(
    request: Request, present: Manifest, store: Path, fetched: Fetched, attempt: Attempt
) -> dict[str, Any]:
    """The message where the artifact stands already; a parity that was measured now is written beside it.

    What does not pass never comes here, and is not written: others, whose policy is Skip, may be served from
    the same files.
    """
    directory = artifact_path(store, request.digest)
    sha256 = manifest_sha256(directory)
    facts = attempt.facts() or {}
    if fetched.measures == sha256 and facts.get("measured"):
        try:
            parity = Parity.from_dict(facts["measured"])
            versions = {str(name): str(version) for name, version in facts["versions"].items()}
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CompileError("CompilerCrashed", f"The measured parity is none ({error!r}).") from error
        created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        verdict = Verification(
            request.digest, sha256, created, versions, parity, present.benchmark, passed=True
        )
        write_verification(directory, verdict)
    attempt.remove()
    said = message.done(
        present, "AlreadyPublished", size(present), present.seconds, _peak(facts), sha256=sha256
    )
    known = present.parity
    if known is None and present.verification == "Done" and request.parity.policy != "Skip":
        verification = read_verification(directory)
        known = verification.parity if verification is not None and verification.passed else None
    return {**said, "parity": known.to_dict() if known else None}


def _manifest(request: Request, fetched: Fetched, facts: Mapping[str, Any]) -> Manifest:
    seconds = facts.get("seconds")
    taken = {"fetch": fetched.seconds, **(seconds if isinstance(seconds, dict) else {})}
    return make_manifest(request, Source(Path(fetched.directory or ""), fetched.revision), facts, taken)


def size(manifest: Manifest) -> int:
    """The bytes of the artifact's files, the manifest itself left out."""
    return sum(entry.bytes for entry in manifest.files)


def _peak(facts: Mapping[str, Any]) -> int:
    peak = facts.get("peakMemoryBytes")
    return peak if isinstance(peak, int) and 0 <= peak < 1 << 60 else 0
