"""A stand-in for what torch_neuronx documents, for tests on machines without Neuron.

It has the documented names, keyword-only arguments and error texts, and computes with TorchScript on the CPU.
A device is there when NEURON_RT_VISIBLE_CORES is set, as device plugins do. Source: the Neuron SDK's
documentation 2.31, frameworks/torch/torch-neuronx/api-reference-guide/inference.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

_NO_DEVICE = (
    "Bad StatusOr access: INVALID_ARGUMENT: PJRT_Client_Create: error condition !(runtime_initialized)"
)
_NO_TARGET = (
    "If you want to compile on CPU, please supply compiler argument target, "
    "for example compiler_args='--target inf2'"
)


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
    """Compiles for a device, or, with `cpu_backend` and a target among the arguments, without one."""
    words = compiler_args.split() if isinstance(compiler_args, str) else list(compiler_args or ())
    if cpu_backend and "--target" not in words:
        raise RuntimeError(_NO_TARGET)
    if not cpu_backend and not has_device():
        raise RuntimeError(_NO_DEVICE)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        return torch.jit.trace(func, example_inputs, check_trace=False, strict=False)


def has_device() -> bool:
    """Whether this process sees a device."""
    return bool(os.environ.get("NEURON_RT_VISIBLE_CORES"))
