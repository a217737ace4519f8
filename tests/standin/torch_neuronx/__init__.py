"""A stand-in for what torch_neuronx documents, for tests on machines without Neuron.

It has the documented names, keyword-only arguments and error texts. A compiled model is TorchScript with one
operator, neuron::forward_v2, that this package brings and that computes on the CPU; the weights are inside
it. Compiling runs the program neuronx-cc, another stand-in; running is done through neuron_runtime, a third.
Source: the Neuron SDK's documentation 2.31, frameworks/torch/torch-neuronx/api-reference-guide/inference.

STANDIN_NEURON_WRONG=1 has it compute wrongly.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from neuron_runtime import has_device

from torch_neuronx import runtime

_NO_DEVICE = (
    "Bad StatusOr access: INVALID_ARGUMENT: PJRT_Client_Create: error condition !(runtime_initialized)"
)
_NO_TARGET = "Unsupported Platform - please supply a compiler target argument, for example --target inf2"


@dataclass(frozen=True)
class PartitionerConfig:
    """What may be left to the CPU."""

    trace_kwargs: Mapping[str, Any] | None = None
    model_support_percentage_threshold: float = 0.5
    min_subgraph_size: int = -1
    max_subgraph_count: int = -1
    ops_to_partition: Sequence[str] | None = None
    analyze_parameters: Mapping[str, Any] | None = None


def trace(
    func: Callable[..., Any],
    example_inputs: tuple[torch.Tensor, ...],
    *_: object,
    input_output_aliases: Mapping[Any, Any] | None = None,
    compiler_workdir: str | None = None,
    compiler_args: str | Sequence[str] | None = None,
    partitioner_config: PartitionerConfig | None = None,
    inline_weights_to_neff: bool = True,
    cpu_backend: bool = False,
) -> torch.jit.ScriptModule:
    """Compiles for a device, or, with `cpu_backend` and a target, without one."""
    words = compiler_args.split() if isinstance(compiler_args, str) else list(compiler_args or ())
    if cpu_backend and "--target" not in words and "NEURON_PLATFORM_TARGET_OVERRIDE" not in os.environ:
        raise RuntimeError(_NO_TARGET)
    if not cpu_backend and not has_device():
        raise RuntimeError(_NO_DEVICE)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(func, example_inputs, check_trace=False, strict=False)
        with tempfile.TemporaryDirectory() as scratch:
            _compile(words, Path(scratch))
        outputs = traced(*example_inputs)
    buffer = io.BytesIO()
    torch.jit.save(traced, buffer)
    blob = torch.frombuffer(bytearray(buffer.getvalue()), dtype=torch.uint8)
    logical = int(words[words.index("--logical-nc-config") + 1]) if "--logical-nc-config" in words else 0
    target = words[words.index("--target") + 1] if "--target" in words else ""
    neff = _Neff(blob, logical, target, inline_weights_to_neff, isinstance(outputs, tuple))
    with warnings.catch_warnings(), torch.no_grad(), runtime.compiling():
        warnings.simplefilter("ignore")
        return torch.jit.trace(neff, example_inputs, check_trace=False)


class _Neff(torch.nn.Module):  # type: ignore[misc]
    """The one operator, with what it needs as buffers; weights that are inside are on the core from the
    start."""

    def __init__(self, blob: torch.Tensor, logical: int, target: str, inlined: bool, many: bool) -> None:
        super().__init__()
        self.register_buffer("neff", blob)
        self.register_buffer("on_device", torch.tensor(inlined))
        self._logical, self._target, self._many = logical, target, many

    def forward(self, *inputs: torch.Tensor) -> Any:
        """What the module that was compiled gives."""
        outputs = torch.ops.neuron.forward_v2(
            list(inputs), self.neff, self.on_device, self._logical, self._target
        )
        return tuple(outputs) if self._many else outputs[0]


def _compile(words: Sequence[str], scratch: Path) -> None:
    """Runs neuronx-cc, with the working directory of this process as its own."""
    graph, neff = scratch / "graph.hlo", scratch / "graph.neff"
    graph.write_bytes(b"hlo")
    command = [sys.executable, "-m", "neuronx_cc", "compile", "--framework", "XLA", str(graph)]
    done = subprocess.run([*command, "--output", str(neff), *words], check=False)
    if done.returncode:
        raise RuntimeError(f"neuronx-cc failed with {done.returncode}")


def move_trace_to_device(trace: torch.jit.ScriptModule, device_id: int) -> None:
    """Puts weights that are apart onto a core, where they stay."""
    trace.on_device.fill_(True)


runtime.register()
