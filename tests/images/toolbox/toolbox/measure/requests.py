"""Compile requests as the operator writes them, for models in a directory that plays the claim `models`."""

import hashlib
import json
from pathlib import Path
from typing import Any


def request(
    directory: Path,
    *,
    task: str = "feature-extraction",
    architecture: str | None = None,
    batch_sizes: tuple[int, ...] = (1,),
    **options: Any,
) -> str:
    """The value of COMPILE_REQUEST for the model in the directory: no benchmark, parity that blocks.

    `options` go over the compile options; the defaults are those of the resource, at sequence length 128.
    """
    content: dict[str, Any] = {
        "toolchain": "cpu",
        "target": "cpu",
        "model": {
            "uri": f"pvc://models/{directory.name}",
            "revision": None,
            "sha256": None,
            "task": task,
            "pooling": "Auto",
            "architecture": architecture,
            "trustRemoteCode": False,
        },
        "compile": {
            "batchSizes": list(batch_sizes),
            "sequenceLengths": [] if task in ("image-classification", "custom") else [128],
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
            "cpuBackend": "Auto",
            "placement": "Accelerator",
            "extraArgs": [],
            **options,
        },
        "parity": {"metric": "MaxRel", "tolerance": None, "policy": "Block"},
        "benchmark": {
            "seconds": 0,
            "concurrencies": [1],
            "pricePerHour": None,
            "thresholds": {"p99Milliseconds": None, "throughputPerSecond": None, "speedUp": None},
            "policy": "Warn",
        },
    }
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]
    return json.dumps({"digest": digest, **content})
