"""TorchScript on the CPU, traced and frozen: fp32, and it runs on any x86-64 machine."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

import torch

from neuron_compiler.backends import Compiled


class TorchScriptBackend:
    """Traces in fp32. The options of the Neuron compilers have no effect."""

    name = "torchscript"
    precision = "fp32"
    trace_dtype = "INT64"
    attention: str | None = None
    suffix = ".pt"
    cpu_features: tuple[str, ...] = ()
    claims_device = False
    device_share: float | None = None

    def compile(self, module: torch.nn.Module, example: tuple[torch.Tensor, ...], path: Path) -> None:
        """Traces and freezes the module. The parity step checks the trace, so torch's own check is left
        out.
        """
        with warnings.catch_warnings(), torch.inference_mode(False), torch.no_grad():
            # Values that the trace takes for constants: shapes are fixed, and parity finds the rest. The
            # others come from attributes of transformers' models that nobody but the tracer looks at.
            warnings.simplefilter("ignore", torch.jit.TracerWarning)
            warnings.simplefilter("ignore", FutureWarning)
            traced = torch.jit.trace(module, example, check_trace=False, strict=False)
            torch.jit.save(torch.jit.freeze(traced), str(path))

    def load(self, path: Path) -> Compiled:
        """Loads the frozen module."""
        compiled: Compiled = torch.jit.load(str(path), map_location="cpu").eval()
        return compiled

    def versions(self) -> Mapping[str, str]:
        """Nothing beyond torch."""
        return {}
