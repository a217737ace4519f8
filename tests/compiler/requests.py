"""Compile requests as the operator writes them."""

import copy
import json
from typing import Any

DIGEST = "00112233445566778899aabbccddeeff"

_CONTENT: dict[str, Any] = {
    "digest": DIGEST,
    "model": {
        "uri": "pvc://models/gpt2",
        "revision": None,
        "sha256": None,
        "architecture": None,
        "task": "feature-extraction",
        "pooling": "Auto",
        "trustRemoteCode": False,
    },
    "target": "cpu",
    "compile": {
        "batchSizes": [1],
        "sequenceLengths": [32, 128],
        "imageSizes": [],
        "autoCast": "matmult",
        "autoCastType": "bf16",
        "optLevel": 2,
        "modelType": "generic",
        "logicalCores": None,
        "fastLoading": False,
        "pipelineCores": None,
        "fastMath": None,
        "partitioner": None,
        "weights": "Inlined",
        "placement": "Accelerator",
        "cpuBackend": "TorchScript",
        "extraArgs": [],
    },
    "parity": {"metric": "MaxAbs", "tolerance": None, "policy": "Block", "examples": None},
    "benchmark": {
        "seconds": 1,
        "concurrencies": [1],
        "pricePerHour": None,
        "thresholds": {"p99Milliseconds": None, "throughputPerSecond": None, "speedUp": None},
        "policy": "Block",
    },
    "toolchain": "cpu-torch2.13.0",
}


def content(**changes: Any) -> dict[str, Any]:
    """A request's JSON object; `model__uri="..."` changes `uri` of `model`."""
    result = copy.deepcopy(_CONTENT)
    for name, value in changes.items():
        part, _, key = name.partition("__")
        if key:
            result[part][key] = value
        else:
            result[part] = value
    return result


def text(**changes: Any) -> str:
    """The value of COMPILE_REQUEST."""
    return json.dumps(content(**changes))
