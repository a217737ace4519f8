"""The termination message: how the result reaches the operator. JSON, at most 4096 bytes, always."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neuron_artifact import Manifest

from neuron_compiler.failure import CompileError, one_line

LIMIT = 4096
_PATH = Path("/dev/termination-log")


def done(manifest: Manifest, outcome: str, size: int, seconds: Mapping[str, float]) -> dict[str, Any]:
    """The message of a compile that ended with an artifact.

    `outcome` is Published or AlreadyPublished, `size` the artifact's bytes, `seconds` this run's own times.
    """
    return {
        "outcome": outcome,
        "digest": manifest.digest,
        "revision": manifest.revision,
        "sizeBytes": size,
        "versions": dict(manifest.versions),
        "seconds": dict(seconds),
        "parity": manifest.parity.to_dict() if manifest.parity else None,
        "benchmark": manifest.benchmark.to_dict() if manifest.benchmark else None,
    }


def failed(error: CompileError) -> dict[str, Any]:
    """The message of a compile that failed."""
    content: dict[str, Any] = {
        "outcome": "Failed",
        "reason": error.reason,
        "message": one_line(error.message),
    }
    if error.parity is not None:
        content["parity"] = error.parity.to_dict()
    return content


def fit(content: Mapping[str, Any]) -> bytes:
    """The message as JSON of at most 4096 bytes: a sentence that is too long is cut, then versions are left
    out.
    """
    encoded = _encode(content)
    if len(encoded) <= LIMIT:
        return encoded
    if "message" in content:
        text = str(content["message"])
        longest, shortest = len(text), 0
        while shortest < longest:
            middle = (shortest + longest + 1) // 2
            if len(_encode({**content, "message": text[:middle] + "..."})) <= LIMIT:
                shortest = middle
            else:
                longest = middle - 1
        return _encode({**content, "message": text[:shortest] + "..."})
    return _encode({**content, "versions": {}})


def write(content: Mapping[str, Any], path: Path = _PATH) -> None:
    """Writes the message where the kubelet reads it, and to the log."""
    encoded = fit(content)
    print(encoded.decode(), flush=True)
    if path.exists():
        path.write_bytes(encoded)


def _encode(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
