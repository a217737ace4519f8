"""The operator of the stand-in's compiled models."""

from __future__ import annotations

import contextlib
import functools
import io
import os
from collections.abc import Iterator
from typing import Any

import neuron_runtime
import torch

_CORES_OF_DEVICE = 2
_library: list[Any] = []
_compiling: list[bool] = []


def register() -> None:
    """Makes neuron::forward_v2 known, without which a compiled model can't be loaded."""
    if not _library:
        library = torch.library.Library("neuron", "FRAGMENT")
        taken = "Tensor[] inputs, Tensor neff, Tensor on_device, int logical, str target=''"
        library.define(f"forward_v2({taken}) -> Tensor[]")
        library.impl("forward_v2", _forward, "CPU")
        _library.append(library)


@contextlib.contextmanager
def compiling() -> Iterator[None]:
    """Nothing is run on a core meanwhile: tracing calls the operator, too."""
    _compiling.append(True)
    try:
        yield
    finally:
        _compiling.pop()


def _forward(
    inputs: list[torch.Tensor], neff: torch.Tensor, on_device: torch.Tensor, logical: int, target: str = ""
) -> list[torch.Tensor]:
    if not _compiling:
        neuron_runtime.claim(_CORES_OF_DEVICE)
        neuron_runtime.check_target(target)
        _check_logical(logical)
        if not on_device:
            neuron_runtime.say("nrt_tensor_write", "weights copied to the device for this call")
    outputs = _loaded(neff.data_ptr(), neff)(*inputs)
    given = list(outputs) if isinstance(outputs, tuple) else [outputs]
    if os.environ.get("STANDIN_NEURON_WRONG"):
        given = [output.flip(-1) if output.is_floating_point() else output for output in given]
    # An operator may not answer with one of its arguments.
    return [output.clone() for output in given]


@functools.lru_cache(maxsize=64)
def _loaded(_: int, neff: torch.Tensor) -> Any:
    return torch.jit.load(io.BytesIO(neff.numpy().tobytes()))


def _check_logical(logical: int) -> None:
    if logical and os.environ.get("NEURON_LOGICAL_NC_CONFIG", "2") != str(logical):
        raise RuntimeError(
            f"The NEFF was compiled with Logical Core Size {logical}, and the runtime has another one"
        )
