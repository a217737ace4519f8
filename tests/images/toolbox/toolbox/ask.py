"""Questions to a served model over both protocols, in the words of tritonclient."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import tritonclient.grpc
import tritonclient.http
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]


@dataclass(frozen=True)
class Door:
    """One of the server's protocols: its name, tritonclient's module for it and a client."""

    protocol: str
    library: Any
    client: Any

    def ask(self, model: str, tensors: Mapping[str, Array]) -> dict[str, Array]:
        """Return the model's outputs by name for input tensors [batch, sequence] by name.

        Raises tritonclient's InferenceServerException where the server refuses.
        """
        inputs = []
        for name, tensor in tensors.items():
            inputs.append(self.library.InferInput(name, list(tensor.shape), V2_DTYPES[tensor.dtype.name]))
            inputs[-1].set_data_from_numpy(tensor)
        result = self.client.infer(model, inputs)
        answer = result.get_response()
        names = [
            output["name"] if isinstance(output, dict) else output.name
            for output in (answer["outputs"] if isinstance(answer, dict) else answer.outputs)
        ]
        return {name: result.as_numpy(name) for name in names}


V2_DTYPES = {"int64": "INT64", "int32": "INT32", "float32": "FP32", "object": "BYTES"}


def doors(url: str, grpc: str) -> tuple[Door, Door]:
    """Return the HTTP and the gRPC door of a server; url and grpc are host:port."""
    return (
        Door("HTTP", tritonclient.http, tritonclient.http.InferenceServerClient(url, network_timeout=120)),
        Door("gRPC", tritonclient.grpc, tritonclient.grpc.InferenceServerClient(grpc)),
    )


@dataclass(frozen=True)
class Served:
    """What the server says of a model: its input names, and the compiled sequence lengths where it tells."""

    inputs: tuple[str, ...]
    lengths: tuple[int, ...]


def served(door: Door, model: str) -> Served:
    """Ask the server (over HTTP) for a model's metadata and configuration."""
    metadata = door.client.get_model_metadata(model)
    said = door.client.get_model_config(model)["parameters"]
    lengths = said.get("sequenceLengths", {"string_value": ""})["string_value"]
    return Served(
        inputs=tuple(tensor["name"] for tensor in metadata["inputs"]),
        lengths=tuple(sorted(int(length) for length in lengths.split(",") if length)),
    )


def largest_difference(one: Array, other: Array) -> float:
    """Return the largest absolute difference of two arrays of one shape."""
    assert one.shape == other.shape, f"shapes {one.shape} and {other.shape}"
    return float(np.abs(one - other).max())
