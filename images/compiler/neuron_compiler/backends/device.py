"""The proof that a compiled model computes on the accelerator: what its graph holds."""

from __future__ import annotations

import torch

from neuron_compiler.failure import CompileError

_ON_DEVICE = "neuron::forward"
_BESIDE = ("aten::", "torchvision::")


def device_share(trace: torch.jit.ScriptModule, compiler: str) -> float:
    """Which part of a traced graph's operators runs on the accelerator, above 0 and up to 1.

    Both compilers put what they have compiled into operators of their own and leave the others as they are.
    Raises CompileError (NotOnDevice) where all are left to the CPU.
    """
    kinds = [node.kind() for node in trace.inlined_graph.nodes()]
    on_device = sum(kind.startswith(_ON_DEVICE) for kind in kinds)
    beside = sum(kind.startswith(_BESIDE) for kind in kinds)
    if not on_device:
        raise CompileError(
            "NotOnDevice", f"{compiler} left the whole model to the CPU: its graph has no {_ON_DEVICE}."
        )
    share: float = round(on_device / (on_device + beside), 4)
    print(f"compile: {share:.0%} of the graph's operators run on the accelerator", flush=True)
    return share
