"""Requests over HTTP whose tensors follow their JSON as bytes.

kserve has a decoder for them, which takes every byte string for UTF-8: no picture survives it. Source: the
Open Inference Protocol, binary tensor data extension.
"""

import json
from typing import Any

import numpy as np
from kserve import InferInput, InferRequest
from kserve.protocol.infer_type import RequestedOutput, deserialize_bytes_tensor
from kserve.utils.numpy_codec import to_np_dtype
from neuron_serving.tensors import Array

_SIZE = "binary_data_size"


def decode(body: bytes, json_bytes: int, model: str) -> InferRequest:
    """The request in a body whose first `json_bytes` are JSON.

    Raises errors of many kinds (ValueError, KeyError, TypeError, struct.error, ...) for bodies that are none.
    """
    head = json.loads(body[:json_bytes])
    inputs, start = [], json_bytes
    for each in head["inputs"]:
        size = (each.get("parameters") or {}).get(_SIZE)
        if size is None:
            inputs.append(InferInput(each["name"], each["shape"], each["datatype"], data=each["data"]))
            continue
        content = body[start : start + size]
        if len(content) != size or size < 0:
            raise ValueError(f"{each['name']} has {len(content)} bytes instead of {size}")
        inputs.append(_input(each, content))
        start += size
    outputs = [RequestedOutput(each["name"], each.get("parameters")) for each in head.get("outputs") or ()]
    return InferRequest(
        model,
        inputs,
        request_id=head.get("id"),
        parameters=head.get("parameters"),
        request_outputs=outputs or None,
    )


def _input(said: dict[str, Any], content: bytes) -> InferInput:
    datatype = said["datatype"]
    array: Array
    if datatype == "BYTES":
        array = deserialize_bytes_tensor(content)
    else:
        array = np.frombuffer(content, to_np_dtype(datatype) or _unknown(datatype))
    return InferInput(said["name"], said["shape"], datatype, data=array.reshape(said["shape"]))


def _unknown(datatype: object) -> Any:
    raise ValueError(f"the datatype {datatype} is not known")
