"""What is public of a model: its tensors, and what a request must keep to."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from neuron_artifact import Manifest

from neuron_serving.limits import MAX_ROWS, max_rows

# V2 datatypes that tensors of a model have -> numpy.
NUMPY: Mapping[str, type[Any]] = {
    "BOOL": np.bool_,
    "INT32": np.int32,
    "INT64": np.int64,
    "FP16": np.float16,
    "FP32": np.float32,
    "FP64": np.float64,
}
# An input's values are indices into a table whose size the model's config.json names.
_TABLES = {"input_ids": "vocab_size", "token_type_ids": "type_vocab_size"}


@dataclass(frozen=True)
class Feature:
    """An input: V2 datatype, dims without the batch, the value that pads it, and for whole numbers the count
    that they stay below (None: any).
    """

    name: str
    dtype: str
    dims: tuple[int | str, ...]
    pad: int = 0
    count: int | None = None


@dataclass(frozen=True)
class Signature:
    """Inputs in calling order, outputs' dims without the batch, the names of the axes that are not fixed, the
    sizes of these that were compiled, in the axes' order, and the rows that a request may have.
    """

    inputs: tuple[Feature, ...]
    outputs: Mapping[str, tuple[int | str, ...]]
    axes: tuple[str, ...]
    sizes: tuple[tuple[int, ...], ...]
    max_rows: int = MAX_ROWS

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the inputs."""
        return tuple(feature.name for feature in self.inputs)


def signature(manifest: Manifest, config: Mapping[str, Any]) -> Signature:
    """Return an artifact's signature; config is the model's config.json, for the sizes of its tables."""
    counts: dict[str, int] = {"attention_mask": 2}
    for name, key in _TABLES.items():
        # A table of no rows is none: the model ignores what it would be indexed by.
        if isinstance(config.get(key), int) and config[key] > 0:
            counts[name] = config[key]
    axes = axis_names(manifest)
    return Signature(
        inputs=tuple(
            Feature(
                tensor.name,
                tensor.dtype,
                tensor.dims,
                manifest.pad_values.get(tensor.name, 0),
                counts.get(tensor.name) if tensor.dtype.startswith("INT") else None,
            )
            for tensor in manifest.inputs
        ),
        outputs={tensor.name: tensor.dims for tensor in manifest.outputs},
        axes=axes,
        sizes=tuple(sorted({tuple(bucket.axes[axis] for axis in axes) for bucket in manifest.buckets})),
        max_rows=max_rows(manifest),
    )


def axis_names(manifest: Manifest) -> tuple[str, ...]:
    """Return the names of an artifact's axes that its buckets give sizes to, in the order of its inputs."""
    named = (dim for tensor in manifest.inputs for dim in tensor.dims if isinstance(dim, str))
    return tuple(dict.fromkeys(named))
