"""The stand-in's runtime: the operator of compiled models, and the cores that belong to one process."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

_CORES = Path(os.environ.get("STANDIN_NEURON_CORES", "/tmp/standin-neuron-cores"))
_NOT_INITIALIZED = (
    "The PyTorch Neuron Runtime could not be initialized. Neuron Driver issues are logged to your system "
    "logs. "
    "See the Neuron Runtime's troubleshooting guide for help on this topic"
)
_library: list[Any] = []
_held: list[int] = []
_compiling: list[bool] = []


def register() -> None:
    """Makes neuron::forward_v2 known, without which a compiled model can't be loaded."""
    if not _library:
        library = torch.library.Library("neuron", "DEF")
        library.define("forward_v2(Tensor[] inputs, Tensor neff, Tensor on_device, int logical) -> Tensor[]")
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
    inputs: list[torch.Tensor], neff: torch.Tensor, on_device: torch.Tensor, logical: int
) -> list[torch.Tensor]:
    if not _compiling:
        _claim()
        _check_logical(logical)
        if not on_device:
            _say("nrt_tensor_write", "weights copied to the device for this call")
    outputs = _loaded(neff.data_ptr(), neff)(*inputs)
    given = list(outputs) if isinstance(outputs, tuple) else [outputs]
    if os.environ.get("STANDIN_NEURON_WRONG"):
        given = [output.flip(-1) if output.is_floating_point() else output for output in given]
    # An operator may not answer with one of its arguments.
    return [output.clone() for output in given]


@functools.lru_cache(maxsize=64)
def _loaded(_: int, neff: torch.Tensor) -> Any:
    return torch.jit.load(io.BytesIO(neff.numpy().tobytes()))


def _claim() -> None:
    """Takes the cores of NEURON_RT_VISIBLE_CORES, or else as many free ones as NEURON_RT_NUM_CORES says."""
    if _held:
        return
    if os.environ.get("STANDIN_NEURON_DRIVER") == "old":
        _say(
            "nrt_init",
            "This runtime requires Neuron Driver version 2.27 or greater.",
        )
        raise RuntimeError(_NOT_INITIALIZED)
    visible = os.environ.get("NEURON_RT_VISIBLE_CORES", "")
    if not visible:
        _say("nrt_init", "No neuron device available")
        raise RuntimeError(_NOT_INITIALIZED)
    _CORES.mkdir(parents=True, exist_ok=True)
    for core in _numbers(visible):
        file = os.open(_CORES / str(core), os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            words = f"NeuronCore(s) not available - Requested:nc{core}-nc{core} Available:0"
            _say("nrt_allocate_neuron_cores", words)
            raise RuntimeError(_NOT_INITIALIZED) from None
        _held.append(file)


def _numbers(text: str) -> list[int]:
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        found.extend(range(int(first), int(last or first) + 1))
    return found


def _check_logical(logical: int) -> None:
    if logical and os.environ.get("NEURON_LOGICAL_NC_CONFIG", "2") != str(logical):
        raise RuntimeError(
            f"The NEFF was compiled with Logical Core Size {logical}, and the runtime has another one"
        )


def _say(function: str, words: str) -> None:
    print(
        f"2026-Jan-01 00:00:00.0000 {os.getpid()}:{os.getpid()} ERROR  NRT:{function}  {words}",
        file=sys.stderr,
    )
