"""What the steps of a compile come to: the manifest of what they made."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from neuron_artifact import FORMAT_VERSION, Manifest
from neuron_contract.codec import to_json

from neuron_compiler.request import Request
from neuron_compiler.sources import Source


def make_manifest(
    request: Request, source: Source, compiled: Mapping[str, Any], seconds: Mapping[str, float]
) -> Manifest:
    """The manifest of what the worker compiled; its list of files is filled in when it is published. Raises
    ArtifactCorrupt where what is said of it is none.
    """
    content = {
        **compiled,
        "formatVersion": FORMAT_VERSION,
        "digest": request.digest,
        "createdAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "request": to_json(request),
        "revision": source.revision,
        "family": request.family,
        "verification": "Needed" if request.verified_elsewhere else "Done",
        "seconds": dict(seconds),
        "files": [],
    }
    return Manifest.from_dict(content)
