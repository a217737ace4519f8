"""The digest: a content address over everything that changes the compiled binary, and nothing else."""

import hashlib
import json
from collections.abc import Mapping

from neuron_operator.api.options import reaching
from neuron_operator.api.spec import Compile, Source

LENGTH = 32
"""Hexadecimal digits of a digest (128 bits)."""


def digest_of(
    source: Source, target: str, compile_: Compile, toolchain: str, origin: Mapping[str, str]
) -> str:
    """The first 32 hexadecimal digits of SHA-256 over canonical JSON.

    `origin`: where the uri leads to (`origin_of`). Of the options those count that reach the target's
    family. Placement, parity, benchmark, resources, time-outs, images and storage never count.
    """
    content = {
        "model": {
            "uri": source.uri,
            "revision": source.revision,
            "sha256": source.sha256,
            "task": source.task,
            "pooling": source.pooling,
            "architecture": source.architecture,
            "trustRemoteCode": source.trust_remote_code,
            **({"origin": dict(origin)} if origin else {}),
        },
        "target": target,
        "shapes": {
            "batchSizes": sorted(compile_.batch_sizes),
            "sequenceLengths": sorted(compile_.sequence_lengths_for(source.task)),
            "imageSizes": sorted(compile_.image_sizes_for(source.task)),
        },
        "options": reaching(compile_, target, source.task),
        "toolchain": toolchain,
    }
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:LENGTH]
