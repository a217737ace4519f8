"""The compile request, parsed once from the pod's environment."""

from __future__ import annotations

from neuron_contract.request import (
    BenchmarkOrder,
    Model,
    Options,
    ParityGate,
    Partitioner,
    Request,
    Thresholds,
    from_text,
)

from neuron_compiler.failure import CompileError

__all__ = [
    "BenchmarkOrder",
    "Model",
    "Options",
    "ParityGate",
    "Partitioner",
    "Request",
    "Thresholds",
    "default_tolerance",
    "parse",
]


def parse(text: str) -> Request:
    """Parses COMPILE_REQUEST. Raises CompileError when it is not a request."""
    try:
        return from_text(text)
    except ValueError as error:
        raise CompileError(
            "CompilerCrashed",
            f"COMPILE_REQUEST is no compile request ({error}): the operator and the compiler image must be "
            "of one release.",
        ) from error


def default_tolerance(metric: str, precision: str) -> float:
    """The tolerance where the request names none.

    fp32 against fp32 differs by the order of additions only. With matrix products cast to bf16, which keeps
    8 bits, 5e-2 holds for activations of a transformer; a cosine is insensitive to small errors, so it gets a
    tighter one.
    """
    if precision == "fp32":
        return 1e-4
    return 1e-2 if metric == "Cosine" else 5e-2
