"""TorchServe's own /predictions/<name>: a text, JSON of texts, or a picture's file; labels with confidence.

Source: pytorch/serve, docs/inference_api.md.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from neuron_serving.doors import options
from neuron_serving.front import forms, reading
from neuron_serving.front.messages import Answer, Request
from neuron_serving.front.models import Model
from neuron_serving.front.refusal import invalid
from neuron_serving.tensors import Array

_TOP = 5
_JSON = "application/json"
_FIELDS = "send a text, or JSON with text and, for pairs, text_pair"


def request(body: bytes, content_type: str, model: Model) -> tuple[Request, bool]:
    """Return the request to a door, and whether it has rows whose answers make a list. Raises Refusal."""
    kind = content_type.partition(";")[0].strip().lower()
    said: Any = body
    if kind == _JSON:
        said = reading.document(body, model.limits)
    elif kind == forms.MULTIPART:
        said = _fields(forms.multipart(body, content_type), model)
    elif kind in ("", forms.URLENCODED) and not model.files:
        said = _unnamed(body, model)
    if model.files:
        columns, many, parameters = _pictures(said, model.files[0])
    else:
        columns, many, parameters = _texts(said)
    return Request(inputs=columns, parameters=parameters), many


def said(answer: Answer, labels: Sequence[str], many: bool, parameters: Mapping[str, Any]) -> bytes:
    """Return the body of an answer to a request with parameters."""
    outputs = {output.name: output.array for output in answer.outputs}
    most = options.top_k_of(parameters)
    top = _TOP if most == options.OWN_NUMBER else most
    rows = [_row(outputs, labels, index, top) for index in range(len(next(iter(outputs.values()))))]
    return json.dumps(rows if many else rows[0]).encode()


def _unnamed(body: bytes, model: Model) -> Any:
    """What a body holds of which nobody said what it is: JSON, a form, or a text."""
    if len(body) <= model.limits.json_bytes and forms.may_be_json(body):
        return reading.document(body, model.limits)
    fields = forms.urlencoded(body)
    return body if fields is None else _fields(fields, model)


def _fields(fields: Mapping[str, bytes], model: Model) -> Any:
    """The file or text that is the only field of a form, or its texts by name."""
    if len(fields) == 1 and set(fields) <= {*forms.WHOLE, *model.files}:
        return next(iter(fields.values()))
    try:
        return {name: value.decode() for name, value in fields.items()}
    except UnicodeDecodeError as error:
        raise invalid("A field of the form is not UTF-8.") from error


def _pictures(value: Any, name: str) -> tuple[dict[str, Array], bool, Mapping[str, Any]]:
    if isinstance(value, bytes):
        return {name: _column([value])}, False, {}
    parameters: Mapping[str, Any] = {}
    given = value
    if isinstance(value, dict):
        parameters = _parameters(value)
        fields = [field for field in value if field != "parameters"]
        if len(fields) != 1 or fields[0] not in (name, "data", "b64"):
            raise invalid(f"The body is no picture: send the file of one, or JSON with {name} in base64.")
        given = value[fields[0]]
    if isinstance(given, dict) and set(given) == {"b64"}:
        given = given["b64"]
    many = isinstance(given, list)
    rows = given if isinstance(given, list) else [given]
    texts = [row["b64"] if isinstance(row, dict) and set(row) == {"b64"} else row for row in rows]
    files = [reading.from_base64(text, "The picture") for text in texts if isinstance(text, str)]
    if not files or len(files) != len(rows):
        raise invalid("The body is no picture: send the file of one, or JSON with its base64.")
    return {name: _column(files)}, many, parameters


def _parameters(value: Mapping[str, Any]) -> Mapping[str, Any]:
    found = value.get("parameters")
    if found is not None and not isinstance(found, dict):
        raise invalid("parameters must be an object.")
    return found or {}


def _texts(value: Any) -> tuple[dict[str, Array], bool, Mapping[str, Any]]:
    if isinstance(value, bytes):
        return {"text": _column([value])}, False, {}
    if isinstance(value, (str, list)):
        value = {"text": value}
    if not isinstance(value, dict) or "text" not in value:
        raise invalid(f"The body holds no text: {_FIELDS}.")
    parameters = _parameters(value)
    unknown = sorted(set(value) - {"text", "text_pair", "parameters"})
    if unknown:
        raise invalid(f"The body has a field that is not known: {_FIELDS}.")
    given = {
        name: value[name] for name in ("text", "text_pair") if value.get(name) is not None or name == "text"
    }
    many = [isinstance(each, list) for each in given.values()]
    if any(many) != all(many):
        raise invalid("text and text_pair must both be texts or both be lists of texts.")
    columns = {}
    for name, each in given.items():
        rows = each if isinstance(each, list) else [each]
        if not rows or not all(isinstance(row, str) for row in rows):
            raise invalid(f"{name} is neither a text nor a list of texts: {_FIELDS}.")
        columns[name] = _column([reading.encoded(row, name) for row in rows])
    return columns, all(many), parameters


def _column(rows: Sequence[bytes]) -> Array:
    column = np.empty((len(rows), 1), dtype=np.object_)
    column[:, 0] = rows
    return column


def _row(outputs: Mapping[str, Array], labels: Sequence[str], index: int, top: int | None) -> Any:
    """So many labels with their confidence, the likeliest first, as TorchServe's own classifiers answer; else
    outputs by name. Of labels of one name the likeliest is told.
    """
    if labels and "scores" in outputs and outputs["scores"].shape[-1] == len(labels):
        pairs = zip(labels, outputs["scores"][index].tolist(), strict=True)
        found: dict[str, float] = {}
        for label, score in sorted(pairs, key=lambda pair: -pair[1])[:top]:
            found.setdefault(label, score)
        return found
    return {name: _plain(array[index]) for name, array in outputs.items()}


def _plain(row: Array) -> Any:
    values = [_text(value) for value in row.reshape(-1).tolist()]
    if len(values) == 1:
        return values[0]
    return values if row.dtype == np.object_ else row.tolist()


def _text(value: Any) -> Any:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
