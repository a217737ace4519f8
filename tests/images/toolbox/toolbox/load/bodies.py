"""Requests of the Open Inference Protocol with binary tensors, made once and sent many times."""

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from toolbox.ask import V2_DTYPES, Array


@dataclass(frozen=True)
class Body:
    """A request's bytes and headers."""

    content: bytes
    headers: Mapping[str, str]


def binary(tensors: Mapping[str, Array]) -> Body:
    """Return a request that sends tensors [batch, ...] and asks for outputs as bytes, too."""
    raw = {name: _raw(tensor) for name, tensor in tensors.items()}
    inputs = [
        {
            "name": name,
            "shape": list(tensor.shape),
            "datatype": V2_DTYPES[tensor.dtype.name],
            "parameters": {"binary_data_size": len(raw[name])},
        }
        for name, tensor in tensors.items()
    ]
    header = json.dumps({"inputs": inputs, "parameters": {"binary_data_output": True}}).encode()
    return Body(
        header + b"".join(raw.values()),
        {
            "Content-Type": "application/octet-stream",
            "Inference-Header-Content-Length": str(len(header)),
        },
    )


def _raw(tensor: Array) -> bytes:
    if tensor.dtype == np.object_:
        return b"".join(struct.pack("<I", len(row)) + row for row in tensor.reshape(-1).tolist())
    content: bytes = tensor.tobytes()
    return content
