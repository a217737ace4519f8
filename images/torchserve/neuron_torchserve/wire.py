"""Tensors between the front and TorchServe's workers: one body in the safetensors format.

Numpy arrays go in and come out; the names of tensors are those of the model.
"""

from collections.abc import Mapping

import numpy as np
from neuron_serving.tensors import Array
from safetensors.numpy import load, save

CONTENT_TYPE = "application/vnd.safetensors"


def encode(tensors: Mapping[str, Array]) -> bytes:
    """Return one body of all tensors."""
    body: bytes = save({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()})
    return body


def decode(body: bytes) -> dict[str, Array]:
    """Return the tensors of a body. Raises what safetensors raises for one that is none."""
    return dict(load(body))
