"""V2 datatypes, and BYTES as they lie in binary data.

Source: the Open Inference Protocol, binary tensor data extension.
"""

import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

from neuron_serving.front.refusal import invalid
from neuron_serving.tensors import Array

NUMPY: Mapping[str, type[Any]] = {
    "BOOL": np.bool_, "UINT8": np.uint8, "UINT16": np.uint16, "UINT32": np.uint32, "UINT64": np.uint64,
    "INT8": np.int8, "INT16": np.int16, "INT32": np.int32, "INT64": np.int64,
    "FP16": np.float16, "FP32": np.float32, "FP64": np.float64,
}  # fmt: skip
BYTES = "BYTES"
_LENGTH = struct.Struct("<I")


def known(name: str, datatype: object) -> str:
    """Return a datatype that tensors here may have. Raises Refusal."""
    if isinstance(datatype, str) and (datatype in NUMPY or datatype == BYTES):
        return datatype
    raise invalid(f"Input {shown(name)}: datatype must be one of {', '.join((*NUMPY, BYTES))}.")


def shown(name: str) -> str:
    """A client's name for a sentence, cut where it is long."""
    return name if len(name) <= 100 else name[:100] + "..."


def from_raw(name: str, datatype: str, shape: tuple[int, ...], raw: bytes | memoryview) -> Array:
    """Return a tensor of the bytes of its elements. Raises Refusal where there are more or fewer."""
    count = elements(shape)
    if datatype == BYTES:
        found = np.empty(count, dtype=np.object_)
        found[:] = _strings(name, count, raw)
        return found.reshape(shape)
    kind = np.dtype(NUMPY[datatype])
    if count * kind.itemsize != len(raw):
        raise invalid(
            f"Input {shown(name)}: its shape needs {count * kind.itemsize} bytes, and {len(raw)} were sent."
        )
    if datatype == "BOOL" and len(raw) and np.frombuffer(raw, np.uint8).max() > 1:
        raise invalid(f"Input {shown(name)}: a BOOL in binary is a byte of 0 or 1.")
    return np.frombuffer(raw, kind).reshape(shape)


def to_raw(array: Array) -> bytes:
    """Return the bytes of a tensor's elements."""
    if array.dtype == np.object_:
        return b"".join(_LENGTH.pack(len(each)) + each for each in array.reshape(-1).tolist())
    content: bytes = array.tobytes()
    return content


def elements(shape: tuple[int, ...]) -> int:
    """The elements of a shape, in whole numbers that do not overflow."""
    count = 1
    for size in shape:
        count *= size
    return count


def _strings(name: str, count: int, raw: bytes | memoryview) -> list[bytes]:
    view, start, found = memoryview(raw), 0, list[bytes]()
    # Each has four bytes of length at least.
    while start + _LENGTH.size <= len(view) and len(found) < count:
        (size,) = _LENGTH.unpack_from(view, start)
        start += _LENGTH.size
        if size > len(view) - start:
            break
        found.append(bytes(view[start : start + size]))
        start += size
    if start != len(view) or len(found) != count:
        raise invalid(
            f"Input {shown(name)}: each of {count} BYTES in binary follows its length in 4 bytes; here not."
        )
    return found
