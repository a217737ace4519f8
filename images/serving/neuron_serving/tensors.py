"""Requests as arrays: checking them, padding them into a compiled shape, cutting results back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neuron_serving.plan import Call, Shape
from neuron_serving.tensornames import SEQUENCE

Array: TypeAlias = NDArray[Any]


class RefusedError(ValueError):
    """A request that the model cannot take; the text is a sentence for the client."""


@dataclass(frozen=True)
class Limits:
    """What a request must keep to: the tokens of a text, and for an input the count its values stay below."""

    longest: int
    counts: Mapping[str, int]


def completed(given: Mapping[str, Array], names: Sequence[str]) -> dict[str, Array]:
    """Return the tensors of the model's inputs, in their order, each [batch, sequence].

    A missing attention_mask means that every token counts, missing token_type_ids that there is one segment.
    Raises RefusedError where input_ids is missing.
    """
    if "input_ids" not in given:
        raise RefusedError("The input input_ids is missing: send the tokenizer's input_ids.")
    ids = given["input_ids"]
    defaults = {"attention_mask": np.ones, "token_type_ids": np.zeros}
    complete: dict[str, Array] = {}
    for name in names:
        if name in given:
            complete[name] = given[name]
        elif name in defaults:
            complete[name] = defaults[name](ids.shape, dtype=ids.dtype)
        else:
            raise RefusedError(f"The input {name} is missing: send it beside input_ids.")
    return complete


def check(tensors: Mapping[str, Array], limits: Limits) -> Shape:
    """Return the request's shape. Raises RefusedError where a shape or a value cannot be computed with."""
    shape = tensors["input_ids"].shape
    if len(shape) != 2 or 0 in shape:
        raise RefusedError(
            f"input_ids has the shape {list(shape)}: send [batch, sequence] with at least one token."
        )
    for name, tensor in tensors.items():
        if tensor.shape != shape:
            raise RefusedError(
                f"{name} has the shape {list(tensor.shape)} and input_ids {list(shape)}: send equal shapes."
            )
    if shape[1] > limits.longest:
        raise RefusedError(
            f"The sequence has {shape[1]} tokens, and this model is compiled for at most {limits.longest}: "
            f"shorten the text or truncate it to {limits.longest} tokens."
        )
    for name, count in limits.counts.items():
        if name in tensors and (tensors[name].min() < 0 or tensors[name].max() >= count):
            raise RefusedError(
                f"{name} holds a value outside 0 to {count - 1}: "
                "tokenize with the tokenizer this model was published with."
            )
    return Shape(*shape)


def assemble(call: Call, shape: Shape, tensors: Sequence[Array], pad: int) -> Array:
    """Return one input of a call as [batch, sequence] of the compiled shape.

    tensors holds the input of every request by index. Tokens are padded on the right with pad. Rows that the
    requests leave empty repeat the last one: values known to be computable, so that padding cannot yield NaN.
    """
    rows = [tensors[slot.request][slot.start : slot.stop] for slot in call.slots]
    result = np.full((shape.batch, shape.sequence), pad, dtype=rows[0].dtype)
    used = 0
    for part in rows:
        result[used : used + part.shape[0], : part.shape[1]] = part
        used += part.shape[0]
    result[used:] = result[used - 1]
    return result


def parts(call: Call, output: Array, dims: Sequence[int | str], lengths: Sequence[int]) -> list[Array]:
    """Return each slot's rows of a call's output, in the slots' order, without the padding.

    output is [batch, *dims] in the compiled shape; every axis called "sequence" is cut to the request's
    length (lengths by request index).
    """
    results = []
    used = 0
    for slot in call.slots:
        rows = slot.stop - slot.start
        cut = tuple(slice(lengths[slot.request]) if dim == SEQUENCE else slice(None) for dim in dims)
        results.append(output[(slice(used, used + rows), *cut)])
        used += rows
    return results
