"""Whether the compiled model gives the eager model's numbers."""

from __future__ import annotations

import torch
from neuron_artifact import Output, Parity

from neuron_compiler.metrics import Difference, merge
from neuron_compiler.request import ParityGate
from neuron_compiler.tasks import Tensors


def difference(reference: torch.Tensor, actual: torch.Tensor) -> Difference:
    """How far `actual` is from `reference` (same shape, any float dtype), in fp64."""
    left, right = reference.double().flatten(), actual.double().flatten()
    return Difference(
        max_abs=(left - right).abs().max().item(),
        max_reference=left.abs().max().item(),
        dot=torch.dot(left, right).item(),
        reference_square=torch.dot(left, left).item(),
        actual_square=torch.dot(right, right).item(),
    )


def compare(
    references: Tensors, actuals: Tensors, outputs: tuple[Output, ...], mask: torch.Tensor | None
) -> Difference:
    """The difference over all outputs of one call.

    `mask` [batch, sequence] is not zero at a text's own tokens: padded places are cut off by the server, so
    they don't count.
    """
    differences = []
    for reference, actual, output in zip(references, actuals, outputs, strict=True):
        if output.dims[0] == "sequence" and mask is not None:
            own = mask.bool()
            differences.append(difference(reference[own], actual[own]))
        else:
            differences.append(difference(reference, actual))
    return merge(differences)


def judge(differences: list[Difference], gate: ParityGate) -> Parity:
    """The verdict over the calls of all buckets: the worst of each number."""
    worst = max(item.value(gate.metric) for item in differences)
    return Parity(
        passed=worst <= gate.tolerance,
        metric=gate.metric,
        value=worst,
        tolerance=gate.tolerance,
        max_abs=max(item.value("MaxAbs") for item in differences),
        max_rel=max(item.max_rel for item in differences),
        cosine=min(item.cosine for item in differences),
    )
