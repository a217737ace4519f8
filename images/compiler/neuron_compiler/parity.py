"""Whether the compiled model gives the eager model's numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from neuron_artifact import BucketParity, Output, Parity

from neuron_compiler.metrics import Difference, merge
from neuron_compiler.request import ParityGate, default_tolerance
from neuron_compiler.tasks.task import Tensors


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
        if output.dims[:1] == ("sequence",) and mask is not None:
            own = mask.bool()
            differences.append(difference(reference[own], actual[own]))
        else:
            differences.append(difference(reference, actual))
    return merge(differences)


def tolerance_of(gate: ParityGate, precision: str) -> float:
    """What may differ, in the gate's metric, of a backend's precision."""
    return gate.tolerance if gate.tolerance is not None else default_tolerance(gate.metric, precision)


def judge(differences: Mapping[str, Sequence[Difference]], gate: ParityGate, precision: str) -> Parity:
    """The verdict over the calls of all buckets, which `differences` has by the bucket's name: the worst of
    each number, of each bucket and of all.

    `precision` is the backend's: it decides the tolerance where the gate names none.
    """
    tolerance = tolerance_of(gate, precision)
    buckets = tuple(
        BucketParity(
            bucket=name,
            passed=max(item.value(gate.metric) for item in calls) <= tolerance,
            max_abs=max(item.value("MaxAbs") for item in calls),
            max_rel=max(item.max_rel for item in calls),
            cosine=min(item.cosine for item in calls),
        )
        for name, calls in differences.items()
    )
    return Parity(
        passed=all(bucket.passed for bucket in buckets),
        metric=gate.metric,
        value=max(item.value(gate.metric) for calls in differences.values() for item in calls),
        tolerance=tolerance,
        max_abs=max(bucket.max_abs for bucket in buckets),
        max_rel=max(bucket.max_rel for bucket in buckets),
        cosine=min(bucket.cosine for bucket in buckets),
        buckets=buckets,
    )
