"""The neuronx backend: torch_neuronx.trace for inf2, trn1 and trn2.

Written from the Neuron SDK's documentation (2.31:
frameworks/torch/torch-neuronx/api-reference-guide/inference and compiler/neuronx-cc/api-reference-guide);
it needs the packages and a device, so it runs on such nodes only.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import torch
from neuron_contract.families import logical_cores
from neuron_serving import neuronversions

from neuron_compiler import neuronfailure
from neuron_compiler.arguments import neuronx_arguments
from neuron_compiler.backends import Compiled
from neuron_compiler.backends.device import device_share
from neuron_compiler.backends.standing import standing_in
from neuron_compiler.failure import CompileError
from neuron_compiler.request import Options

# A call takes milliseconds; artifacts that were compiled elsewhere have been seen to hang.
_EXEC_TIMEOUT_SECONDS = "120"


class NeuronxBackend:
    """Compiles with neuronx-cc. Inputs are INT32: what the SDK's own examples and benchmarks use."""

    name = "torch_neuronx"
    suffix = ".pt"
    cpu_features: tuple[str, ...] = ()
    trace_dtype = "INT32"
    # Fused attention kernels of the CPU or of CUDA mean nothing to neuronx-cc.
    attention: str | None = "eager"
    device_share: float | None = None

    def __init__(self, target: str, options: Options, workdir: Path) -> None:
        """Raises CompileError (ToolchainMissing) where torch_neuronx can't be imported."""
        for name, value in self._environment(target, options).items():
            os.environ.setdefault(name, value)
        try:
            import torch_neuronx
        except ImportError as error:
            raise CompileError(
                "ToolchainMissing",
                f"This image can't compile for {target}: torch_neuronx is not installed. Build the images "
                "with images/build.py --family neuronx, and name them in images.compiler.neuronx of the "
                "chart.",
            ) from error
        self._torch_neuronx = torch_neuronx
        self._arguments = neuronx_arguments(target, options)
        self._workdir = workdir
        self._inline_weights = options.weights == "Inlined"
        self._cpu_backend = options.placement == "CPU"
        self.claims_device = not self._cpu_backend
        self._partitioner = options.partitioner
        cast = options.auto_cast
        self.precision = "fp32" if cast == "none" else f"{cast}-{options.auto_cast_type}"

    @staticmethod
    def _environment(target: str, options: Options) -> dict[str, str]:
        """What the runtime reads when it is imported: a target where no device says it, how many cores are
        one, and after how many seconds a call is given up.
        """
        words = {"NEURON_RT_EXEC_TIMEOUT": _EXEC_TIMEOUT_SECONDS}
        if options.placement == "CPU":
            words["NEURON_PLATFORM_TARGET_OVERRIDE"] = target
        cores = logical_cores(target, options.logical_cores)
        return words if cores is None else {**words, "NEURON_LOGICAL_NC_CONFIG": str(cores)}

    def compile(self, module: torch.nn.Module, example: tuple[torch.Tensor, ...], path: Path) -> None:
        """Traces and compiles the module to one NEFF inside TorchScript."""
        neuronfailure.forget_log(self._workdir)
        try:
            with standing_in(self._workdir):
                trace = self._torch_neuronx.trace(
                    module,
                    example,
                    compiler_workdir=str(self._workdir),
                    compiler_args=self._arguments,
                    inline_weights_to_neff=self._inline_weights,
                    cpu_backend=self._cpu_backend,
                    **self._partitioning(),
                )
        except Exception as error:
            raise neuronfailure.explained(error, self._workdir) from error
        share = device_share(trace, "torch_neuronx")
        self.device_share = self.device_share or share
        torch.jit.save(trace, str(path))

    def _partitioning(self) -> dict[str, object]:
        """Without a partitioner an operator that the target does not have fails the compile."""
        if self._partitioner is None:
            return {}
        said = {
            "model_support_percentage_threshold": self._partitioner.support_threshold,
            "min_subgraph_size": self._partitioner.min_subgraph_size,
            "max_subgraph_count": self._partitioner.max_subgraph_count,
        }
        chosen = {name: value for name, value in said.items() if value is not None}
        return {"partitioner_config": self._torch_neuronx.PartitionerConfig(**chosen)}

    def load(self, path: Path) -> Compiled:
        """Loads the module onto a NeuronCore: importing torch_neuronx first is what makes that possible."""
        compiled: Compiled = torch.jit.load(str(path))
        if not self._inline_weights:
            # Weights that are apart are copied to the core at each call otherwise.
            self._torch_neuronx.move_trace_to_device(compiled, 0)
        return compiled

    def versions(self) -> Mapping[str, str]:
        """torch-neuronx, its compiler, and what the node has of runtime and driver."""
        return {name: version(name) for name in ("torch-neuronx", "neuronx-cc")} | neuronversions.installed()
