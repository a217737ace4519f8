"""The neuron backend: torch_neuron.trace for inf1.

Written from the Neuron SDK's documentation (archive/torch-neuron); it needs packages of Python 3.10 or older.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import torch
from neuron_serving import neuronversions

from neuron_compiler import neuronfailure
from neuron_compiler.arguments import neuron_arguments
from neuron_compiler.backends import Compiled
from neuron_compiler.backends.device import device_share
from neuron_compiler.backends.standing import standing_in
from neuron_compiler.failure import CompileError
from neuron_compiler.request import Options


class NeuronBackend:
    """Compiles with neuron-cc, which takes no 64-bit integers."""

    name = "torch_neuron"
    precision = "fp32"
    suffix = ".pt"
    cpu_features: tuple[str, ...] = ()
    claims_device = False
    trace_dtype = "INT32"
    attention: str | None = "eager"
    device_share: float | None = None

    def __init__(self, options: Options, workdir: Path) -> None:
        """Raises CompileError (ToolchainMissing) where torch_neuron can't be imported."""
        try:
            import torch_neuron
        except ImportError as error:
            raise CompileError(
                "ToolchainMissing",
                "This image can't compile for inf1: torch_neuron is not installed. Build the images with "
                "images/build.py --family neuron, and name them in images.compiler.neuron of the chart.",
            ) from error
        self._torch_neuron = torch_neuron
        self._arguments = neuron_arguments(options)
        self._separate_weights = options.weights == "Separated"
        self._workdir = workdir

    def compile(self, module: torch.nn.Module, example: tuple[torch.Tensor, ...], path: Path) -> None:
        """Compiles the whole module: with fallback=True an unsupported model would silently run on the
        CPU.
        """
        neuronfailure.forget_log(self._workdir)
        try:
            with standing_in(self._workdir):
                trace = self._torch_neuron.trace(
                    module,
                    example,
                    compiler_args=self._arguments,
                    compiler_workdir=str(self._workdir),
                    fallback=False,
                    separate_weights=self._separate_weights,
                    strict=False,
                )
        except AttributeError as error:
            # What the trace stumbles over where an operator is not compiled and may not be left to the CPU.
            raise CompileError(
                "UnsupportedOperator",
                f"torch_neuron can't compile the whole model for inf1 ({error}); the pod's log names the "
                f"operators.",
            ) from error
        except Exception as error:
            raise neuronfailure.explained(error, self._workdir) from error
        share = device_share(trace, "torch_neuron")
        self.device_share = self.device_share or share
        torch.jit.save(trace, str(path))

    def load(self, path: Path) -> Compiled:
        """Loads the module onto the NeuronCores of this process."""
        compiled: Compiled = torch.jit.load(str(path))
        return compiled

    def versions(self) -> Mapping[str, str]:
        """torch-neuron, its compiler, and what the node has of runtime and driver."""
        return {name: version(name) for name in ("torch-neuron", "neuron-cc")} | neuronversions.installed()
