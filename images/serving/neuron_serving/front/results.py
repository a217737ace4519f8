"""What a request's results take, before anything is computed.

A model that gives a number for each word of a language has a megabyte of them for each few tokens.
"""

from collections.abc import Mapping, Sequence

from neuron_artifact import Manifest

from neuron_serving.front.refusal import TOO_LARGE, Refusal
from neuron_serving.limits import TOTAL_BYTES, result_bytes
from neuron_serving.signature import Signature
from neuron_serving.tensors import Array


def check(manifest: Manifest, signature: Signature, parts: Sequence[Mapping[str, Array]]) -> None:
    """Raises Refusal where more rows than one compiled call has become more than all requests may hold."""
    sizes = [_sizes(part, signature) for part in parts]
    rows = sum(size["batch"] for size in sizes)
    total = sum(size["batch"] * result_bytes(manifest, size) for size in sizes)
    if total > TOTAL_BYTES and rows > max(bucket.batch for bucket in manifest.buckets):
        raise Refusal(
            TOO_LARGE,
            f"{rows} rows become {total} bytes of results, and {TOTAL_BYTES} are allowed: send fewer rows.",
        )


def _sizes(tensors: Mapping[str, Array], signature: Signature) -> dict[str, int]:
    """The sizes of a part's axes by name, and of its batch."""
    sizes: dict[str, int] = {}
    for feature in signature.inputs:
        shape = tensors[feature.name].shape
        named = zip(("batch", *feature.dims), shape, strict=True)
        sizes.update({name: size for name, size in named if isinstance(name, str)})
    return sizes
