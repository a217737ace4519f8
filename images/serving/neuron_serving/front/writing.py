"""From an answer to the JSON of the Open Inference Protocol, and the bytes behind it."""

from typing import Any

import numpy as np
import orjson

from neuron_serving.front.datatypes import to_raw
from neuron_serving.front.messages import Answer, Output
from neuron_serving.tensors import Array

VERSION = "1"


def write(answer: Answer) -> tuple[list[bytes], int | None]:
    """Return the pieces of a body, and the bytes of its JSON where tensors follow."""
    said: dict[str, Any] = {"model_name": answer.model, "model_version": VERSION}
    if answer.id:
        said = {"id": answer.id, **said}
    pieces: list[bytes] = []
    outputs = []
    for output in answer.outputs:
        entry: dict[str, Any] = {
            "name": output.name,
            "datatype": output.datatype,
            "shape": list(output.array.shape),
        }
        if output.binary:
            pieces.append(to_raw(output.array))
            entry["parameters"] = {"binary_data_size": len(pieces[-1])}
        else:
            entry["data"] = _data(output)
        outputs.append(entry)
    head = orjson.dumps({**said, "outputs": outputs}, option=orjson.OPT_SERIALIZE_NUMPY)
    return [head, *pieces], len(head) if pieces else None


def _data(output: Output) -> Array | list[Any]:
    flat = output.array.reshape(-1)
    if flat.dtype == np.object_:
        return [each.decode("utf-8", "replace") for each in flat.tolist()]
    # numpy's bool and float16 are not among what orjson writes itself.
    return flat.tolist() if flat.dtype in (np.bool_, np.float16) else np.ascontiguousarray(flat)
