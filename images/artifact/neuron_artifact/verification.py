"""What was found out about an artifact on the accelerator, where another machine compiled it.

It is one file beside the manifest and bound to it by its checksum; the manifest itself never changes.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuron_artifact import durable
from neuron_artifact.facts import Benchmark, Parity
from neuron_artifact.manifest import canonical_json

VERIFICATION = "verification.json"
_FORMAT_VERSION = 1


@dataclass(frozen=True)
class Verification:
    """The verdict on an artifact whose manifest has that sha256 (hex). `versions` are those of the machine
    that verified; `passed` tells whether it may be served.
    """

    digest: str
    manifest_sha256: str
    created_at: str
    versions: Mapping[str, str]
    parity: Parity | None
    benchmark: Benchmark | None
    passed: bool


def manifest_sha256(directory: Path) -> str:
    """The sha256 in hex of the manifest in an artifact's directory. Raises OSError."""
    return hashlib.sha256((directory / "manifest.json").read_bytes()).hexdigest()


def write_verification(directory: Path, verification: Verification) -> None:
    """Puts the verdict beside the manifest, in the place of an earlier one: whole, or not at all."""
    content = {
        "formatVersion": _FORMAT_VERSION,
        "digest": verification.digest,
        "manifestSha256": verification.manifest_sha256,
        "createdAt": verification.created_at,
        "versions": dict(verification.versions),
        "parity": verification.parity.to_dict() if verification.parity else None,
        "benchmark": verification.benchmark.to_dict() if verification.benchmark else None,
        "passed": verification.passed,
    }
    # Its name has no meaning for readers, who open only what the manifest lists.
    descriptor, name = tempfile.mkstemp(prefix=f".{VERIFICATION}.", dir=directory)
    path = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(canonical_json(content) + "\n")
            file.flush()
            os.fsync(file.fileno())
        path.chmod(0o644)
        path.replace(directory / VERIFICATION)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    durable.flush(directory)


def read_verification(directory: Path) -> Verification | None:
    """The verdict on the artifact in a directory; None where there is none, or one on another manifest."""
    try:
        content: dict[str, Any] = json.loads((directory / VERIFICATION).read_bytes())
        if content["manifestSha256"] != manifest_sha256(directory):
            return None
        parity, benchmark = content["parity"], content["benchmark"]
        return Verification(
            digest=content["digest"],
            manifest_sha256=content["manifestSha256"],
            created_at=content["createdAt"],
            versions=content["versions"],
            parity=Parity.from_dict(parity) if parity else None,
            benchmark=Benchmark.from_dict(benchmark) if benchmark else None,
            passed=bool(content["passed"]),
        )
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        return None
