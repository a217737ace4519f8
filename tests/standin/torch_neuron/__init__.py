"""A stand-in for what torch_neuron documents, for tests on machines without Neuron.

It has the documented arguments and computes with TorchScript on the CPU, behind one operator,
neuron::forward_v2_1, that this package brings. It compiles without a device and runs on one (neuron_runtime),
as the real one does, and keeps to what neuron-cc documents: no 64-bit inputs or outputs. The texts of its
errors are its own, because the documentation gives none. STANDIN_NEURON_CC_LACKS=aten::topk has it stumble as
users report of fallback=False, STANDIN_NEURON_CC_FUSES=nothing has it leave the whole model to the CPU and
say nothing, as users report, too. STANDIN_NEURON_CC_RETURNS=-9 has its compiler end so, which it says and
then stumbles over.
Importing it sets `torch.neuron`. Source: the Neuron SDK's documentation, archive/torch-neuron.
"""

from __future__ import annotations

import functools
import io
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import neuron_runtime
import torch

_CORES_OF_DEVICE = 4
_LIMIT = 1_900_000_000
_WIDE = (torch.int64, torch.float64)
_compiling: list[bool] = []


def trace(
    func: Callable[..., Any],
    example_inputs: tuple[torch.Tensor, ...],
    *_: object,
    compiler_args: Sequence[str] | None = None,
    compiler_timeout: int | None = None,
    compiler_workdir: str | None = None,
    minimum_segment_size: int = 2,
    single_fusion_ratio_threshold: float = 0.6,
    fallback: bool = True,
    dynamic_batch_size: bool = False,
    separate_weights: bool = False,
    **kwargs: Any,
) -> torch.jit.ScriptModule:
    """Compiles; other keyword arguments are those of torch.jit.trace."""
    if isinstance(compiler_args, str):
        raise TypeError("compiler_args is a list of strings")
    Path("log-neuron-cc.txt").write_text("neuron-cc 1.24.0.0\n")
    if lacks := os.environ.get("STANDIN_NEURON_CC_LACKS"):
        print(f"INFO:Neuron:The following operations are currently not supported in torch-neuron: {lacks}")
        raise AttributeError("'NoneType' object has no attribute 'name'")
    if returned := os.environ.get("STANDIN_NEURON_CC_RETURNS"):
        print(f"INFO:Neuron:Compile command returned: {returned}")
        raise AttributeError("'NoneType' object has no attribute 'name'")
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(func, example_inputs, check_trace=False, **kwargs)
        results = traced(*example_inputs)
    tensors = (*example_inputs, *(results if isinstance(results, tuple) else (results,)))
    wide = sorted({str(tensor.dtype) for tensor in tensors if tensor.dtype in _WIDE})
    if wide and not fallback:
        raise RuntimeError(f"neuron-cc supports no inputs or outputs of {', '.join(wide)}")
    weights = sum(weight.numel() * weight.element_size() for weight in traced.parameters())
    if weights > _LIMIT and not separate_weights:
        raise RuntimeError("a model of more than 1.9 GB needs separate_weights=True")
    if os.environ.get("STANDIN_NEURON_CC_FUSES") == "nothing":
        return traced
    buffer = io.BytesIO()
    torch.jit.save(traced, buffer)
    blob = torch.frombuffer(bytearray(buffer.getvalue()), dtype=torch.uint8)
    _compiling.append(True)
    try:
        return _fused(blob, isinstance(results, tuple), example_inputs)
    finally:
        _compiling.pop()


def _fused(
    blob: torch.Tensor, many: bool, example_inputs: tuple[torch.Tensor, ...]
) -> torch.jit.ScriptModule:
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        return torch.jit.trace(_Fused(blob, many), example_inputs, check_trace=False)


class _Fused(torch.nn.Module):  # type: ignore[misc]
    """The one operator, with what it needs as a buffer."""

    def __init__(self, blob: torch.Tensor, many: bool) -> None:
        super().__init__()
        self.register_buffer("neff", blob)
        self._many = many

    def forward(self, *inputs: torch.Tensor) -> Any:
        """What the module that was compiled gives."""
        outputs = torch.ops.neuron.forward_v2_1(list(inputs), self.neff)
        return tuple(outputs) if self._many else outputs[0]


def _forward(inputs: list[torch.Tensor], neff: torch.Tensor) -> list[torch.Tensor]:
    if not _compiling:
        neuron_runtime.claim(_CORES_OF_DEVICE)
    outputs = _loaded(neff.data_ptr(), neff)(*inputs)
    # An operator may not answer with one of its arguments.
    return [output.clone() for output in (outputs if isinstance(outputs, tuple) else (outputs,))]


@functools.lru_cache(maxsize=64)
def _loaded(_: int, neff: torch.Tensor) -> Any:
    return torch.jit.load(io.BytesIO(neff.numpy().tobytes()))


_library = torch.library.Library("neuron", "FRAGMENT")
_library.define("forward_v2_1(Tensor[] inputs, Tensor neff) -> Tensor[]")
_library.impl("forward_v2_1", _forward, "CPU")
torch.neuron = sys.modules[__name__]
