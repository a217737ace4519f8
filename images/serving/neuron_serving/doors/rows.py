"""The BYTES of a request, row by row."""

from collections.abc import Mapping

from neuron_serving.limits import MAX_ROWS
from neuron_serving.tensors import Array, RefusedError


def rows_of(request: Mapping[str, Array], name: str) -> list[bytes]:
    """Return a BYTES input of shape [batch, 1] (or [batch]) as a list. Raises RefusedError."""
    if name not in request:
        raise RefusedError(f"The input {name} is missing: send BYTES of the shape [batch, 1].")
    array = request[name]
    if array.dtype.kind not in "OS":
        raise RefusedError(f"{name} is of type {array.dtype}: send BYTES.")
    if array.ndim not in (1, 2) or array.shape[1:] not in ((), (1,)) or array.size == 0:
        raise RefusedError(f"{name} has the shape {list(array.shape)}: send [batch, 1] with a row at least.")
    if len(array) > MAX_ROWS:
        raise RefusedError(f"{name} has {len(array)} rows, and a request may have {MAX_ROWS}: split it.")
    return [item if isinstance(item, bytes) else str(item).encode() for item in array.reshape(-1).tolist()]


def texts_of(request: Mapping[str, Array], name: str) -> list[str]:
    """Return a BYTES input as texts. Raises RefusedError where one is empty or not UTF-8."""
    found = []
    for index, row in enumerate(rows_of(request, name)):
        try:
            text = row.decode("utf-8")
        except UnicodeDecodeError as error:
            raise RefusedError(f"Row {index} of {name} is not UTF-8: send UTF-8.") from error
        if not text.strip():
            raise RefusedError(f"Row {index} of {name} is empty: send a text.")
        found.append(text)
    return found
