"""ModelInferRequest and ModelInferResponse of the Open Inference Protocol, as requests and answers.

Source: kserve/open-inference-protocol, specification/protocol/open_inference_grpc.proto.
"""

from typing import Any

import numpy as np
from tritonclient.grpc import service_pb2 as pb

from neuron_serving.front.datatypes import BYTES, NUMPY, elements, from_raw, known, shown, to_raw
from neuron_serving.front.messages import Answer, Request
from neuron_serving.front.reading import check_parameters
from neuron_serving.front.refusal import invalid
from neuron_serving.front.writing import VERSION
from neuron_serving.tensors import Array

_LARGEST = 2**31
_CONTENTS = {
    "BOOL": "bool_contents", "INT8": "int_contents", "INT16": "int_contents", "INT32": "int_contents",
    "INT64": "int64_contents", "UINT8": "uint_contents", "UINT16": "uint_contents", "UINT32": "uint_contents",
    "UINT64": "uint64_contents", "FP32": "fp32_contents", "FP64": "fp64_contents", BYTES: "bytes_contents",
}  # fmt: skip


def read(asked: Any, total: int) -> Request:
    """Return the request in a message of `total` bytes. Raises Refusal."""
    if not asked.inputs:
        raise invalid("The request must have inputs: at least one tensor.")
    raw = list(asked.raw_input_contents)
    if raw and len(raw) != len(asked.inputs):
        raise invalid(f"raw_input_contents has {len(raw)} entries, and there are {len(asked.inputs)} inputs.")
    arrays: dict[str, Array] = {}
    for index, each in enumerate(asked.inputs):
        if not each.name:
            raise invalid("Each input must have a name.")
        who = f"Input {shown(each.name)}"
        if each.name in arrays:
            raise invalid(f"{who} is there twice.")
        check_parameters(each.parameters, who)
        datatype = known(each.name, each.datatype)
        shape = tuple(each.shape)
        if len(shape) > 16 or not all(0 <= size < _LARGEST for size in shape):
            raise invalid(f"{who}: shape must be a list of whole numbers.")
        if elements(tuple(max(1, size) for size in shape)) > total:
            raise invalid(f"{who}: its shape has more elements than the request has bytes.")
        if raw:
            if each.HasField("contents") and each.contents.ListFields():
                raise invalid(f"{who}: it has contents and raw_input_contents: send one of them.")
            arrays[each.name] = from_raw(each.name, datatype, shape, raw[index])
        else:
            arrays[each.name] = _typed(each, datatype, shape, who)
    wanted: dict[str, bool | None] = {}
    for output in asked.outputs:
        if output.name in wanted:
            raise invalid(f"Output {shown(output.name)} is asked for twice.")
        for word, value in output.parameters.items():
            if word.startswith(("shared_memory", "classification")) and _parameter(value):
                raise invalid(
                    f"Output {shown(output.name)}: {shown(word)} is not there: take the output as it is."
                )
        wanted[output.name] = True
    return Request(
        inputs=arrays,
        id=asked.id,
        parameters={name: _parameter(value) for name, value in asked.parameters.items()},
        outputs=wanted or None,
        binary=True,
    )


def write(answer: Answer) -> Any:
    """Return the message of an answer, whose contents are raw."""
    message = pb.ModelInferResponse(model_name=answer.model, model_version=VERSION, id=answer.id)
    for output in answer.outputs:
        message.outputs.add(name=output.name, datatype=output.datatype, shape=output.array.shape)
        message.raw_output_contents.append(to_raw(output.array))
    return message


def _typed(each: Any, datatype: str, shape: tuple[int, ...], who: str) -> Array:
    field = _CONTENTS.get(datatype)
    if field is None:
        raise invalid(f"{who}: {datatype} is sent in raw_input_contents only.")
    others = [found.name for found, _ in each.contents.ListFields() if found.name != field]
    if others:
        raise invalid(f"{who}: {datatype} is sent in {field}, not in {others[0]}.")
    values = getattr(each.contents, field)
    if len(values) != elements(shape):
        raise invalid(f"{who}: its shape has {elements(shape)} elements, and contents {len(values)}.")
    if datatype == BYTES:
        found = np.empty(len(values), dtype=np.object_)
        found[:] = list(values)
        return found.reshape(shape)
    try:
        return np.array(values, dtype=NUMPY[datatype]).reshape(shape)
    except (OverflowError, ValueError) as error:
        raise invalid(f"{who}: contents have a number that is no {datatype}.") from error


def _parameter(value: Any) -> Any:
    kind = value.WhichOneof("parameter_choice")
    return getattr(value, kind) if kind else None
