"""Requests as arrays: checking them, padding them into a compiled shape, cutting results back."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neuron_serving.plan import Call, Shape
from neuron_serving.signature import NUMPY, Feature, Signature
from neuron_serving.tensornames import SEQUENCE

Array: TypeAlias = NDArray[Any]


class RefusedError(ValueError):
    """A request that the model cannot take; the text is a sentence for the client."""


def completed(given: Mapping[str, Array], signature: Signature) -> dict[str, Array]:
    """Return the tensors of the model's inputs, in their order.

    A missing attention_mask means that every token counts, missing token_type_ids that there is one segment.
    Raises RefusedError where another input is missing or one is unknown.
    """
    names = signature.names
    unknown = sorted(set(given) - set(names))
    if unknown:
        raise RefusedError(f"The model has no input {unknown[0]}: its inputs are {', '.join(names)}.")
    ids = given.get("input_ids")
    defaults = {"attention_mask": np.ones, "token_type_ids": np.zeros}
    complete: dict[str, Array] = {}
    for name in names:
        if name in given:
            complete[name] = given[name]
        elif name in defaults and ids is not None:
            complete[name] = defaults[name](ids.shape, dtype=ids.dtype)
        else:
            hint = "send the tokenizer's input_ids" if name == "input_ids" else "send it too"
            raise RefusedError(f"The input {name} is missing: {hint}.")
    return complete


def check(tensors: Mapping[str, Array], signature: Signature) -> Shape:
    """Return the request's shape; tensors are complete.

    Raises RefusedError where a datatype, a shape or a value cannot be computed with.
    """
    batch: int | None = None
    axes: dict[str, int] = {}
    for feature in signature.inputs:
        tensor = tensors[feature.name]
        _check_type(feature, tensor)
        if len(tensor.shape) != 1 + len(feature.dims) or 0 in tensor.shape:
            raise _wrong_shape(feature, tensor, signature)
        if tensor.shape[0] > signature.max_rows:
            raise RefusedError(
                f"{feature.name} has {tensor.shape[0]} rows, and a request may have {signature.max_rows}: "
                "split it."
            )
        if batch is None:
            batch = tensor.shape[0]
        if tensor.shape[0] != batch:
            raise _unequal(feature, tensor, tensors, signature)
        for dim, size in zip(feature.dims, tensor.shape[1:], strict=True):
            if isinstance(dim, int) and size != dim:
                raise _wrong_shape(feature, tensor, signature)
            if isinstance(dim, str) and axes.setdefault(dim, size) != size:
                raise _unequal(feature, tensor, tensors, signature)
    _check_sizes(axes, signature)
    for feature in signature.inputs:
        _check_values(feature, tensors[feature.name])
    mask = tensors.get("attention_mask")
    if mask is not None and not mask.any(axis=-1).all():
        raise RefusedError("attention_mask has a row in which no token counts: each row needs a 1.")
    assert batch is not None
    return Shape(batch, tuple(axes[name] for name in signature.axes))


def _check_type(feature: Feature, tensor: Array) -> None:
    if tensor.dtype != NUMPY[feature.dtype]:
        raise RefusedError(f"{feature.name} is of type {tensor.dtype}: send {feature.dtype}.")


def _check_sizes(axes: Mapping[str, int], signature: Signature) -> None:
    if signature.axes == (SEQUENCE,):
        ((longest,),) = signature.sizes[-1:]
        if axes[SEQUENCE] > longest:
            raise RefusedError(
                f"The sequence has {axes[SEQUENCE]} tokens, and this model is compiled for at most "
                f"{longest}: shorten the text or truncate it to {longest} tokens."
            )
    elif tuple(axes[name] for name in signature.axes) not in signature.sizes:
        asked = " x ".join(str(axes[name]) for name in signature.axes)
        known = ", ".join(" x ".join(map(str, size)) for size in signature.sizes)
        raise RefusedError(
            f"The input is {asked} ({', '.join(signature.axes)}), and this model is compiled for {known}: "
            "resize it."
        )


def _check_values(feature: Feature, tensor: Array) -> None:
    count = feature.count
    if count is not None and (tensor.min() < 0 or tensor.max() >= count):
        raise RefusedError(
            f"{feature.name} holds a value outside 0 to {count - 1}: "
            "tokenize with the tokenizer this model was published with."
        )
    if tensor.dtype.kind == "f" and not np.isfinite(tensor).all():
        raise RefusedError(f"{feature.name} holds a value that is not a finite number: send finite numbers.")


def _wrong_shape(feature: Feature, tensor: Array, signature: Signature) -> RefusedError:
    wanted = ", ".join(str(dim) for dim in ("batch", *feature.dims))
    least = " with at least one token" if signature.axes == (SEQUENCE,) else ""
    return RefusedError(f"{feature.name} has the shape {list(tensor.shape)}: send [{wanted}]{least}.")


def _unequal(
    feature: Feature, tensor: Array, tensors: Mapping[str, Array], signature: Signature
) -> RefusedError:
    first = signature.names[0]
    return RefusedError(
        f"{feature.name} has the shape {list(tensor.shape)} and {first} {list(tensors[first].shape)}: send "
        "equal shapes."
    )


def assemble(call: Call, shape: Shape, tensors: Sequence[Array], pad: int) -> Array:
    """Return one input of a call as [batch, ...] of the compiled shape.

    tensors holds the input of every request by index. An axis of tokens is padded on the right with pad. Rows
    that the requests leave empty repeat the last one: values known to be computable, so that padding cannot
    yield NaN.
    """
    rows = [tensors[slot.request][slot.start : slot.stop] for slot in call.slots]
    if len(rows) == 1 and rows[0].shape[0] == shape.batch and rows[0].shape[1:2] == shape.axes[:1]:
        return np.ascontiguousarray(rows[0])
    inner = rows[0].shape[1:] if len(shape.axes) != 1 else shape.axes
    result = np.full((shape.batch, *inner), pad, dtype=rows[0].dtype)
    used = 0
    for part in rows:
        place = (slice(used, used + part.shape[0]), *(slice(size) for size in part.shape[1:]))
        result[place] = part
        used += part.shape[0]
    result[used:] = result[used - 1]
    return result


def parts(call: Call, output: Array, dims: Sequence[int | str], lengths: Sequence[int | None]) -> list[Array]:
    """Return each slot's rows of a call's output, in the slots' order, without the padding.

    output is [batch, *dims] in the compiled shape; every axis called "sequence" is cut to the request's
    length (lengths by request index; None where a model has no such axis).
    """
    results = []
    used = 0
    for slot in call.slots:
        rows = slot.stop - slot.start
        cut = tuple(slice(lengths[slot.request]) if dim == SEQUENCE else slice(None) for dim in dims)
        results.append(output[(slice(used, used + rows), *cut)])
        used += rows
    return results
