"""The termination message: how the result reaches the operator. JSON, at most 4096 bytes, always."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neuron_artifact import Manifest, Verification

from neuron_compiler.failure import CompileError, one_line, printable

LIMIT = 4096
_MOST_OPERATORS = 12
_MOST_NOTES, _LONGEST_NOTE = 3, 200
_NEEDED = ("outcome", "reason", "digest", "manifestSha256", "verification", "revision", "sizeBytes", "step")
_LONGEST_NEEDED = 256
_PATH = Path("/dev/termination-log")


def done(
    manifest: Manifest, outcome: str, size: int, seconds: Mapping[str, float], peak: int, *, sha256: str
) -> dict[str, Any]:
    """The message of a compile that ended with an artifact.

    `outcome` is Published or AlreadyPublished, `size` the artifact's bytes, `seconds` this run's own times,
    `peak` the largest memory that one of its processes had, in bytes, `sha256` the manifest's: whoever loads
    the artifact loads the one with that manifest and no other.
    """
    told = [str(sentence)[:_LONGEST_NOTE] for sentence in manifest.checkpoint.get("notApplied") or ()]
    return {
        **({"notApplied": told[:_MOST_NOTES]} if told else {}),
        "outcome": outcome,
        "verification": manifest.verification,
        "peakMemoryBytes": peak,
        "digest": manifest.digest,
        "manifestSha256": sha256,
        "revision": manifest.revision,
        "backend": _backend(manifest),
        "sizeBytes": size,
        "versions": dict(manifest.versions),
        "seconds": dict(seconds),
        "parity": manifest.parity.to_dict() if manifest.parity else None,
        "benchmark": manifest.benchmark.to_dict() if manifest.benchmark else None,
    }


def _backend(manifest: Manifest) -> dict[str, Any]:
    share = manifest.backend.device_share
    said = {"name": manifest.backend.name, "precision": manifest.backend.precision}
    return said if share is None else {**said, "deviceShare": share}


def verified(
    manifest: Manifest, verification: Verification, seconds: Mapping[str, float], *, sha256: str
) -> dict[str, Any]:
    """The message of an artifact that the accelerator has passed."""
    return {
        "outcome": "Verified",
        "verification": "Done",
        "digest": manifest.digest,
        "manifestSha256": sha256,
        "versions": dict(verification.versions),
        "seconds": dict(seconds),
        "parity": verification.parity.to_dict() if verification.parity else None,
        "benchmark": verification.benchmark.to_dict() if verification.benchmark else None,
    }


def failed(error: CompileError) -> dict[str, Any]:
    """The message of a compile that failed."""
    content: dict[str, Any] = {
        "outcome": "Failed",
        "reason": error.reason,
        "message": one_line(error.message),
    }
    if error.step is not None:
        content["step"] = error.step
    if error.log:
        content["log"] = error.log
    if error.operators:
        content["operators"] = list(error.operators[:_MOST_OPERATORS])
    if error.parity is not None:
        content["parity"] = error.parity.to_dict()
    if error.benchmark is not None:
        content["benchmark"] = error.benchmark.to_dict()
    return content


def fit(content: Mapping[str, Any]) -> bytes:
    """The message as JSON of at most 4096 bytes, with printable texts.

    What makes it too long is given up in this order: figures of single buckets, the largest ones last; the
    log from its beginning; the end of the sentence; versions; all but what the operator can't do without.
    """
    content = _printable(content)
    encoded = _encode(content)
    for part in ("benchmark", "parity"):
        while len(encoded) > LIMIT and (content.get(part) or {}).get("buckets"):
            shorter = {**content[part], "buckets": content[part]["buckets"][1:]}
            content = {**content, part: shorter}
            encoded = _encode(content)
    while len(encoded) > LIMIT and content.get("log"):
        content = {**content, "log": content["log"][len(encoded) - LIMIT :]}
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
        encoded = _encode({**content, "message": text[:shortest] + "..."})
    else:
        encoded = _encode({**content, "versions": {}})
    if len(encoded) <= LIMIT:
        return encoded
    return _encode({name: value for name, value in content.items() if _is_needed(name, value)})


def write(content: Mapping[str, Any], path: Path = _PATH) -> None:
    """Writes the message where the kubelet reads it, and to the log."""
    encoded = fit(content)
    print(encoded.decode(), flush=True)
    if path.exists():
        path.write_bytes(encoded)


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, Mapping):
        return {printable(str(name)): _printable(each) for name, each in value.items()}
    return [_printable(each) for each in value] if isinstance(value, list | tuple) else value


def _is_needed(name: str, value: Any) -> bool:
    return name in _NEEDED and len(str(value)) <= _LONGEST_NEEDED


def _encode(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
