"""From the JSON of the Open Inference Protocol, and the bytes behind it, to a request.

Every dialect is read in one way: data nested or flat, null for what is left out, BYTES as texts or in base64
(`{"b64": ...}`, or the parameter `"content_type": "base64"`). What is not of the protocol is refused.
"""

import base64
import binascii
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from neuron_serving.doors.options import OF_PIPELINES
from neuron_serving.front.datatypes import BYTES, NUMPY, elements, from_raw, known, shown
from neuron_serving.front.messages import Request
from neuron_serving.front.refusal import TOO_LARGE, Refusal, invalid
from neuron_serving.limits import MAX_CONTAINERS, Limits
from neuron_serving.tensors import Array

_DEEPEST = 16
_LARGEST = 2**31
_MAX_NAME = 256
_WHOLE = frozenset(name for name in NUMPY if "INT" in name)


def read(body: bytes, head: int | None, limits: Limits, files: Collection[str] = ()) -> Request:
    """Return the request in a body whose first `head` bytes are JSON; all of it where head is None.

    `files` are the names of inputs that are files: their text in JSON is base64. Raises Refusal.
    """
    text = body if head is None else body[:head]
    said = document(text, limits)
    if not isinstance(said, dict):
        raise invalid("The body must be a JSON object.")
    request_id = _id(said.get("id"))
    try:
        return _request(said, request_id, memoryview(body)[len(text) :], len(body), files)
    except Refusal as refused:
        refused.request_id = request_id
        raise


def _request(
    said: Mapping[str, Any], request_id: str, rest: memoryview, total: int, files: Collection[str]
) -> Request:
    inputs = said.get("inputs")
    if not isinstance(inputs, list) or not inputs:
        raise invalid("The body must have inputs, a list of at least one tensor.")
    arrays: dict[str, Array] = {}
    for each in inputs:
        name, array, used = _input(each, rest, total, files)
        if name in arrays:
            raise invalid(f"Input {shown(name)} is there twice.")
        arrays[name] = array
        rest = rest[used:]
    if len(rest):
        raise invalid(f"{len(rest)} bytes follow the tensors: binary_data_size says how many belong to each.")
    parameters = _parameters(said, "The request")
    return Request(
        inputs=arrays,
        id=request_id,
        parameters=parameters,
        outputs=_outputs(said.get("outputs")),
        binary=_flag(parameters, "binary_data_output", "The request") or False,
    )


def document(text: bytes, limits: Limits) -> Any:
    """Return what JSON says. Raises Refusal for what is none, or says a name twice, or has too much in it."""
    if len(text) > limits.json_bytes:
        raise Refusal(
            TOO_LARGE,
            f"JSON may have {limits.json_bytes} bytes for this model: send large tensors in binary.",
        )
    _count(text, limits)
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_no_number)
    except RecursionError as error:
        raise invalid(f"The body is nested deeper than {_DEEPEST}.") from error
    # Among others an integer of thousands of digits.
    except (ValueError, UnicodeDecodeError) as error:
        raise invalid(f"The body is not JSON: {error}.") from error


def _count(text: bytes, limits: Limits) -> None:
    """Refuse more values than any request needs, before there is an object for each."""
    if _has_more(text.count, limits) and _has_more(_outside_texts(text), limits):
        raise Refusal(TOO_LARGE, f"JSON may hold {limits.values} values for this model: send fewer rows.")


def _has_more(count: Callable[[bytes], int], limits: Limits) -> bool:
    containers = count(b"[") + count(b"{")
    return count(b",") > limits.values or containers > min(limits.values, MAX_CONTAINERS + limits.values // 2)


def _outside_texts(text: bytes) -> Callable[[bytes], int]:
    """Count a character where it is in no text: in time and memory that only the size decides."""
    marks = np.frombuffer(text.replace(b"\\\\", b"").replace(b'\\"', b""), np.uint8)
    inside = np.bitwise_xor.accumulate((marks == ord('"')).view(np.uint8)).view(np.bool_)
    outside = marks[~inside]
    return lambda character: int(np.count_nonzero(outside == ord(character)))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is twice in one object")
    return found


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no number")


def _id(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise invalid("id must be a string.")
    encoded(value, "id")
    return value


def encoded(text: str, what: str) -> bytes:
    """Return a text in UTF-8. Raises Refusal for half a surrogate pair, which is no character."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise invalid(f"{what} has half a surrogate pair, which is no text: send UTF-8.") from error


def _parameters(holder: Mapping[str, Any], who: str) -> dict[str, Any]:
    value = holder.get("parameters")
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise invalid(f"{who}: parameters must be an object.")
    return value


def _flag(parameters: Mapping[str, Any], name: str, who: str) -> bool | None:
    value = parameters.get(name)
    if value is not None and not isinstance(value, bool):
        raise invalid(f"{who}: {name} must be true or false.")
    return value


def _name(holder: object, what: str) -> tuple[str, Mapping[str, Any]]:
    if not isinstance(holder, dict) or not isinstance(holder.get("name"), str) or not holder["name"]:
        raise invalid(f"Each {what} must be an object with a name.")
    name: str = holder["name"]
    encoded(name, "A name")
    if len(name) > _MAX_NAME:
        raise invalid(f"The name of an {what} has {len(name)} characters, and {_MAX_NAME} are allowed.")
    return name, holder


def _input(holder: object, rest: memoryview, total: int, files: Collection[str]) -> tuple[str, Array, int]:
    """An input's name, its array, and how many of the bytes behind the JSON are its own."""
    name, said = _name(holder, "input")
    who = f"Input {shown(name)}"
    datatype = known(name, said.get("datatype"))
    parameters = _parameters(said, who)
    check_parameters((each for each in parameters if parameters[each] is not None), who)
    shape = _shape(said.get("shape"), who, total)
    size, data = parameters.get("binary_data_size"), said.get("data")
    if size is not None:
        if type(size) is not int or size < 0:
            raise invalid(f"{who}: binary_data_size must be a whole number.")
        if data is not None:
            raise invalid(f"{who}: it has data and binary_data_size: send one of them.")
        if size > len(rest):
            raise invalid(f"{who}: binary_data_size is {size}, and {len(rest)} bytes are left in the body.")
        return name, from_raw(name, datatype, shape, rest[:size]), size
    if not isinstance(data, list):
        raise invalid(f"{who}: data must be a list.")
    flat = _flat(data, len(shape), who)
    if len(flat) != elements(shape):
        raise invalid(f"{who}: its shape has {elements(shape)} elements, and data {len(flat)}.")
    if datatype == BYTES:
        in_base64 = name in files or parameters.get("content_type") == "base64"
        return name, _bytes(flat, shape, who, in_base64), 0
    return name, _numbers(flat, datatype, who).reshape(shape), 0


def check_parameters(names: Iterable[str], who: str) -> None:
    """Raises Refusal for parameters that an input can't have, among them those that are heeded where the
    request has them, and nowhere else.
    """
    for name in names:
        if name.startswith("shared_memory"):
            raise invalid(f"{who}: shared memory is not open to clients: send the data.")
        if name in OF_PIPELINES:
            raise invalid(f"{who}: {name} is a parameter of the request, and of no input: put it there.")


def _shape(value: object, who: str, total: int) -> tuple[int, ...]:
    if not isinstance(value, list) or not all(type(size) is int and 0 <= size < _LARGEST for size in value):
        raise invalid(f"{who}: shape must be a list of whole numbers.")
    if len(value) > _DEEPEST:
        raise invalid(f"{who}: its shape has {len(value)} dimensions.")
    if elements(tuple(max(1, size) for size in value)) > total:
        raise invalid(f"{who}: its shape has more elements than the request has bytes.")
    return tuple(value)


def _flat(data: Sequence[Any], depth: int, who: str) -> list[Any]:
    """The elements of nested lists in their order; lists of one level are alike or there are none."""
    flat = list(data)
    for _ in range(max(1, depth)):
        kinds = set(map(type, flat))
        if list not in kinds:
            return flat
        if kinds != {list}:
            raise invalid(f"{who}: data has lists and values side by side.")
        if len(set(map(len, flat))) > 1:
            raise invalid(f"{who}: data has lists of unequal lengths.")
        flat = [value for inner in flat for value in inner]
    if any(isinstance(value, list) for value in flat):
        raise invalid(f"{who}: data is nested deeper than its shape.")
    return flat


def _numbers(flat: list[Any], datatype: str, who: str) -> Array:
    kinds = set(map(type, flat))
    allowed = {bool} if datatype == "BOOL" else {int} if datatype in _WHOLE else {int, float}
    if not kinds <= allowed:
        wrong = sorted(_WORDS.get(kind, "objects") for kind in kinds - allowed)
        raise invalid(f"{who}: {datatype} can't be made of {' and '.join(wrong)}.")
    try:
        # A double that is too large for a smaller type is infinite, which the model refuses.
        with np.errstate(over="ignore"):
            return np.array(flat, dtype=np.float64 if datatype[:2] == "FP" else NUMPY[datatype]).astype(
                NUMPY[datatype], copy=False
            )
    except (OverflowError, ValueError) as error:
        raise invalid(f"{who}: data has a number that is no {datatype}.") from error


_WORDS: Mapping[type[Any], str] = {
    bool: "true or false", int: "whole numbers", float: "numbers with a fraction", str: "texts",
    type(None): "null", dict: "objects",
}  # fmt: skip


def _bytes(flat: list[Any], shape: tuple[int, ...], who: str, in_base64: bool) -> Array:
    found = np.empty(len(flat), dtype=np.object_)
    for index, value in enumerate(flat):
        if isinstance(value, dict) and set(value) == {"b64"} and isinstance(value["b64"], str):
            found[index] = from_base64(value["b64"], who)
        elif not isinstance(value, str):
            wrong = _WORDS.get(type(value), "objects")
            raise invalid(f'{who}: BYTES can\'t be made of {wrong}: send texts, or base64 as {{"b64": ...}}.')
        else:
            found[index] = from_base64(value, who) if in_base64 else encoded(value, who)
    return found.reshape(shape)


def from_base64(text: str, who: str) -> bytes:
    """Return the bytes of base64, in a data URL or not. Raises Refusal."""
    try:
        return base64.b64decode(text.partition(",")[2] if text.startswith("data:") else text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise invalid(f"{who}: this is not base64, in which a file is sent in JSON.") from error


def _outputs(value: object) -> dict[str, bool | None] | None:
    if value is None or value == []:
        return None
    if not isinstance(value, list):
        raise invalid("outputs must be a list.")
    wanted: dict[str, bool | None] = {}
    for each in value:
        name, said = _name(each, "output")
        if name in wanted:
            raise invalid(f"Output {shown(name)} is asked for twice.")
        who = f"Output {shown(name)}"
        parameters = _parameters(said, who)
        for word in parameters:
            if word.startswith(("shared_memory", "classification")) and parameters[word]:
                raise invalid(f"{who}: {shown(word)} is not there: take the output as it is.")
        wanted[name] = _flag(parameters, "binary_data", who)
    return wanted
