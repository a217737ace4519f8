"""torch.export and AOTInductor on the CPU: machine code with packed weights, in fp32 or bf16.

Source: pytorch.org/docs, torch.compiler_aot_inductor. The package (.pt2) loads without a C++ compiler.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from unittest.mock import patch

import torch

from neuron_compiler.backends import Compiled

Tensors = tuple[torch.Tensor, ...]


class _Bf16Products(torch.nn.Module):  # type: ignore[misc]  # torch is only in the images
    """The module with its matrix products in bf16; sums that lose by it stay in fp32, and so do outputs."""

    def __init__(self, module: torch.nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, *tensors: torch.Tensor) -> Tensors:
        """The module's outputs, as fp32."""
        with torch.autocast("cpu", dtype=torch.bfloat16):
            outputs = self.module(*tensors)
        return tuple(output.float() if output.is_floating_point() else output for output in outputs)


class InductorBackend:
    """Compiles with the C++ compiler of the image for the instructions of this machine."""

    name = "inductor"
    trace_dtype = "INT64"
    attention: str | None = None
    suffix = ".pt2"
    claims_device = False
    device_share: float | None = None

    def __init__(self, precision: str, cpu_features: tuple[str, ...], march: str, workdir: Path) -> None:
        """`precision` is fp32 or matmult-bf16, `march` the instruction set named to the C++ compiler."""
        self.precision = precision
        self.cpu_features = cpu_features
        self._march = march
        self._workdir = workdir

    def compile(self, module: torch.nn.Module, example: Tensors, path: Path) -> None:
        """Exports the module with the example's shapes and compiles it into a package."""
        wrapped = _Bf16Products(module).eval() if self.precision == "matmult-bf16" else module
        options = {
            # Weights become constants, packed the way oneDNN multiplies fastest: more than half of the gain.
            "freezing": True,
            "cpp.enable_concat_linear": True,
            # The server chooses the number of threads, not the machine that compiled.
            "cpp.dynamic_threads": True,
            "cpp.march": self._march,
        }
        caches = {"TORCHINDUCTOR_CACHE_DIR": str(self._workdir / "inductor")}
        with (
            patch.dict(os.environ, caches),
            warnings.catch_warnings(),
            torch.inference_mode(False),
            torch.no_grad(),
        ):
            warnings.simplefilter("ignore")
            program = torch.export.export(wrapped, example)
            torch._inductor.aoti_compile_and_package(
                program, package_path=str(path), inductor_configs=options
            )

    def load(self, path: Path) -> Compiled:
        """Loads the package; it is unpacked below TMPDIR for as long as it is in use."""
        package = torch._inductor.aoti_load_package(str(path))

        def call(*tensors: torch.Tensor) -> Tensors:
            return tuple(package(*tensors))

        return call

    def versions(self) -> Mapping[str, str]:
        """Nothing beyond torch."""
        return {}
