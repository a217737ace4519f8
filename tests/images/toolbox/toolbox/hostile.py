"""Requests that a served model must refuse with a sentence, without harm to the next request."""

from collections.abc import Mapping
from http.client import HTTPConnection

import numpy as np
from tritonclient.utils import InferenceServerException

from toolbox.ask import Array, Door, largest_difference, served
from toolbox.report import table

GOOD = {"input_ids": np.array([[5, 6, 7]], dtype=np.int64)}
# What is refused by its headers, before any of the body has come.
UNREAD = {
    "a gigabyte": {"Content-Length": str(2**30), "Inference-Header-Content-Length": "100"},
    "compressed": {"Content-Length": "0", "Content-Encoding": "gzip"},
}
# gRPC's names of what HTTP calls 4xx.
REFUSALS = {"StatusCode.INVALID_ARGUMENT", "StatusCode.NOT_FOUND"}


def check(doors: tuple[Door, ...], url: str, model: str) -> list[str]:
    """Ask every hostile question over every door and print the answers; return what is wrong, in words.

    url is host:port of HTTP.
    """
    before = doors[0].ask(model, GOOD)
    rows, failures = [], []
    for door in doors:
        for what, (name, tensors) in questions(model, longest(doors[0], model)).items():
            status, sentence = refusal(door, name, tensors)
            rows.append((what, door.protocol, status, sentence[:90]))
            if not (status in REFUSALS or (status.isdecimal() and 400 <= int(status) < 500)):
                failures.append(f"{what} over {door.protocol}: {status} instead of a refusal: {sentence}")
            elif len(sentence.split()) < 4:
                failures.append(f"{what} over {door.protocol}: no sentence: {sentence!r}")
        for name, after in door.ask(model, GOOD).items():
            if largest_difference(before[name], after) > 1e-5:
                failures.append(f"after hostile requests over {door.protocol} a good one has another answer")
    for what, headers in UNREAD.items():
        status, sentence = unread(url, model, headers)
        rows.append((what, "HTTP", status, sentence[:90]))
        if not status.startswith("4") or len(sentence.split()) < 4:
            failures.append(f"{what}: {status} {sentence!r} instead of a refusal")
    print(table(("request", "protocol", "status", "answer"), rows))
    return failures


def longest(door: Door, model: str) -> int:
    """Return the tokens that the model takes, or more than any takes where the server does not tell."""
    return max(served(door, model).lengths, default=100_000)


def questions(model: str, longest: int) -> dict[str, tuple[str, Mapping[str, Array]]]:
    """Return hostile requests: what each is, the model it names and its tensors."""
    ids = np.full((1, 4), 7, dtype=np.int64)
    return {
        "too long": (model, {"input_ids": np.full((1, longest + 1), 7, dtype=np.int64)}),
        "no tokens": (model, {"input_ids": np.zeros((1, 0), dtype=np.int64)}),
        "too many rows": (model, {"input_ids": np.full((5000, 2), 7, dtype=np.int64)}),
        "no batch": (model, {"input_ids": ids[0]}),
        "wrong dtype": (model, {"input_ids": ids.astype(np.float32)}),
        "wrong input": (model, {"input_idz": ids}),
        "wrong model": (f"{model}-absent", {"input_ids": ids}),
        "negative token": (model, {"input_ids": -ids}),
        "unknown token": (model, {"input_ids": ids * 10**9}),
        "other mask shape": (model, {"input_ids": ids, "attention_mask": ids[:, :3]}),
        "wrong mask": (model, {"input_ids": ids, "attention_mask": ids}),
        "mask alone": (model, {"attention_mask": np.ones_like(ids)}),
    }


def unread(url: str, model: str, headers: Mapping[str, str]) -> tuple[str, str]:
    """Send the headers of a request, and no more of it; return the status and the body of the answer."""
    connection = HTTPConnection(url, timeout=60)
    connection.putrequest("POST", f"/v2/models/{model}/infer")
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    said = answer.read().decode()
    connection.close()
    return str(answer.status), said


def refusal(door: Door, model: str, tensors: Mapping[str, Array]) -> tuple[str, str]:
    """Return the status and the sentence of a refusal; status "200" where the request is answered."""
    try:
        door.ask(model, tensors)
    except InferenceServerException as refused:
        return str(refused.status()), str(refused.message())
    return "200", "answered"
