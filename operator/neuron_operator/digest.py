"""The digest: a content address over everything that changes the compiled binary, and nothing else."""

import hashlib
import json

from neuron_operator.api.spec import Compile, Source
from neuron_operator.targets import is_accelerated

LENGTH = 32
"""Hexadecimal digits of a digest (128 bits)."""


def digest_of(source: Source, target: str, compile_: Compile, toolchain: str) -> str:
    """The first 32 hexadecimal digits of SHA-256 over canonical JSON.

    Casting, level and extra arguments count for Neuron targets only: the CPU compiler has none of them.
    Parity, benchmark, resources, time-outs, images and storage never count.
    """
    shapes: dict[str, object] = {
        "batchSize": compile_.batch_size,
        "sequenceLengths": sorted(compile_.sequence_lengths),
    }
    if is_accelerated(target):
        shapes |= {
            "autoCast": compile_.auto_cast,
            "autoCastType": compile_.auto_cast_type,
            "optLevel": compile_.opt_level,
            "extraArgs": list(compile_.extra_args),
        }
    content = {
        "model": {
            "uri": source.uri,
            "revision": source.revision,
            "task": source.task,
            "pooling": source.pooling,
            "trustRemoteCode": source.trust_remote_code,
        },
        "target": target,
        "compile": shapes,
        "toolchain": toolchain,
    }
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:LENGTH]
