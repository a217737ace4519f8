"""The compilers behind one small interface, one module each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import torch

from neuron_compiler.failure import CompileError
from neuron_compiler.request import Request

Compiled = Callable[..., tuple[torch.Tensor, ...]]


class Backend(Protocol):
    """One compiler, with one precision.

    `name` and `precision` are what the manifest says of it. `trace_dtype` is the V2 datatype of the integer
    inputs that compiled modules take, `attention` the attention implementation that traces well (None: the
    model's own choice), `suffix` the ending of its files, `cpu_features` the flags of /proc/cpuinfo without
    which its modules can't run. `claims_device`: compiling needs the accelerator, which one process has at a
    time. `device_share`: the part of the operators of the first module it compiled that runs on the
    accelerator, above 0 and up to 1; None before, and on a CPU.
    """

    name: str
    precision: str
    trace_dtype: str
    attention: str | None
    suffix: str
    cpu_features: tuple[str, ...]
    claims_device: bool
    device_share: float | None

    def compile(self, module: torch.nn.Module, example: tuple[torch.Tensor, ...], path: Path) -> None:
        """Compiles the module for the shapes of the example, and saves it in `path`."""

    def load(self, path: Path) -> Compiled:
        """Loads a compiled module as a server would."""

    def versions(self) -> Mapping[str, str]:
        """The versions of the compiler's own packages."""


def candidates(request: Request, workdir: Path) -> list[Backend]:
    """The backends worth trying for the request, the best guess first; for Neuron there is one.

    `workdir` is scratch space for compilers that need it. Raises CompileError (ToolchainMissing) when this
    image has no compiler for the target.
    """
    # Imported here: each backend's packages are only in the images built for it.
    if request.family == "neuronx":
        from neuron_compiler.backends.neuronx import NeuronxBackend

        return [NeuronxBackend(request.target, request.options, workdir)]
    if request.family == "neuron":
        from neuron_compiler.backends.neuron import NeuronBackend

        return [NeuronBackend(request.options, workdir)]
    from neuron_compiler.backends import cpu

    return cpu.candidates(request.options, workdir)


def named(candidates: Sequence[Backend], name: str, precision: str) -> Backend:
    """The backend of that name and precision. Raises CompileError (VersionMismatch) where there is none."""
    for backend in candidates:
        if (backend.name, backend.precision) == (name, precision):
            return backend
    raise CompileError(
        "VersionMismatch",
        f"The artifact was compiled by {name} in {precision}, which this machine does not have: run where "
        "it was compiled, or compile it anew.",
    )
