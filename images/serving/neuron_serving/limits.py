"""What requests may have at most: the one place, for both runtimes and every door. Needs no numpy.

Whatever a request becomes is bounded by these before anything is allocated for it.
"""

import math
from dataclasses import dataclass

from neuron_artifact import Manifest

# A request may have more rows than were compiled for (they are split), but not without bound: its tensors
# and results are held in memory at once.
MAX_ROWS = 64
MAX_REQUEST_BYTES = 64 * 2**20
# JSON takes up to thirty times its size once it is read.
MAX_JSON_BYTES = 8 * 2**20
# Of gRPC the size of a message is known only when all of it has come.
MAX_MESSAGE_BYTES = 16 * 2**20
# JSON of so many numbers takes half a second and some 50 MB to write.
MAX_JSON_ANSWER_VALUES = 4_000_000
# Bytes of a value in JSON, with what lies between two of them.
_JSON_VALUE_BYTES = 26
_HEAD_BYTES = 64 * 1024

# What all admitted requests may hold together: bytes of their bodies, tensors and results, and rows that wait
# or are computed. No client may hold more than half of either.
TOTAL_BYTES = 192 * 2**20
TOTAL_ROWS = 16 * MAX_ROWS
# JSON is there several times while it is read: as it came, as text, and as what it holds.
JSON_COPIES = 4
# A body that is no larger is not counted while it arrives: connections bound those.
SMALL_BYTES = 64 * 1024
# Lists and objects in JSON beside those that its data need.
MAX_CONTAINERS = 10_000

# Of pictures: the pixels of one that is decoded (10 bytes each, with the copies that libraries make), of a
# JPEG that the decoder halves, and of what one is resized to.
MAX_PICTURE_PIXELS = 25_000_000
MAX_DRAFT_PIXELS = 4 * MAX_PICTURE_PIXELS
MAX_RESIZED_PIXELS = 16_000_000
# The pixel values that the pictures of one request become.
MAX_PIXEL_BYTES = 256 * 1024 * 1024

_ITEM_BYTES = {"BOOL": 1, "INT32": 4, "INT64": 8, "FP16": 2, "FP32": 4, "FP64": 8}


@dataclass(frozen=True)
class Limits:
    """What one model takes in a request, and what a row of it takes in memory.

    values is how many numbers or texts its JSON may hold; row_bytes are those of a row's inputs and outputs
    at the longest; answer_values the numbers that a row becomes.
    """

    rows: int
    request_bytes: int
    json_bytes: int
    values: int
    row_bytes: int
    answer_values: int


def max_rows(manifest: Manifest) -> int:
    """Return how many rows a request may have: never fewer than one compiled call."""
    return max(MAX_ROWS, *(bucket.batch for bucket in manifest.buckets))


def tensor_limits(manifest: Manifest) -> Limits:
    """Return the limits of an artifact's tensors: no more than its rows and longest buckets can use."""
    rows = max_rows(manifest)
    longest = _longest(manifest)
    values = {tensor.name: _values(tensor.dims, longest) for tensor in manifest.inputs}
    given = sum(values[tensor.name] * _ITEM_BYTES[tensor.dtype] for tensor in manifest.inputs)
    made = [(_values(tensor.dims, longest), _ITEM_BYTES[tensor.dtype]) for tensor in manifest.outputs]
    return Limits(
        rows=rows,
        request_bytes=min(MAX_REQUEST_BYTES, _HEAD_BYTES + 2 * rows * given),
        json_bytes=min(MAX_JSON_BYTES, _HEAD_BYTES + 2 * rows * sum(values.values()) * _JSON_VALUE_BYTES),
        values=2 * rows * sum(values.values()) + MAX_CONTAINERS,
        row_bytes=given + sum(count * size for count, size in made),
        answer_values=sum(count for count, _ in made),
    )


def door_limits(manifest: Manifest, answer_values: int) -> Limits:
    """Return the limits of a door to an artifact; answer_values are those of a row of its own outputs."""
    tensors = tensor_limits(manifest)
    return Limits(
        rows=MAX_ROWS,
        request_bytes=MAX_REQUEST_BYTES,
        json_bytes=MAX_JSON_BYTES,
        values=4 * MAX_ROWS + MAX_CONTAINERS,
        row_bytes=tensors.row_bytes,
        answer_values=answer_values,
    )


def result_bytes(manifest: Manifest, sizes: dict[str, int]) -> int:
    """Return the bytes that a row becomes, with axes of these sizes."""
    return sum(_values(tensor.dims, sizes) * _ITEM_BYTES[tensor.dtype] for tensor in manifest.outputs)


def longest_sequence(manifest: Manifest) -> int:
    """Return the largest size of any axis, for outputs whose size follows a request's."""
    return max((size for bucket in manifest.buckets for size in bucket.axes.values()), default=1)


def public_sizes(manifest: Manifest) -> dict[str, str]:
    """For clients: the lengths worth truncating to, the last one being the limit, or the sizes of images."""
    names = {"sequence": "sequenceLengths", "height": "imageSizes"}
    return {
        name: ",".join(map(str, sorted({bucket.axes[axis] for bucket in manifest.buckets})))
        for axis, name in names.items()
        if axis in manifest.buckets[0].axes
    }


def _longest(manifest: Manifest) -> dict[str, int]:
    longest: dict[str, int] = {}
    for bucket in manifest.buckets:
        for name, size in bucket.axes.items():
            longest[name] = max(size, longest.get(name, 0))
    return longest


def _values(dims: tuple[int | str, ...], longest: dict[str, int]) -> int:
    return math.prod(dim if isinstance(dim, int) else longest.get(dim, 1) for dim in dims)
