"""Requests of every dialect, right, odd and hostile, drawn from a seed."""

import base64
import copy
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from toolbox.soak.mutants import HEADER_LENGTH, Originals, mutant

NAME = "@"
INFER, TEXT, PREDICT = f"/v2/models/{NAME}/infer", f"/v2/models/{NAME}-text/infer", f"/predictions/{NAME}"
JSON = ("Content-Type", "application/json")
TEXTS: tuple[Any, ...] = (
    "A cat sits.", "", " ", "word " * 40, "Ünïcödé 日本語", "🎉" * 30, "\u200b", "\x00",
    "a" * 3000, "[MASK] [SEP]",
    "\ud83d", None, 7, 1.5, True, ["A cat."], {"b64": base64.b64encode(b"A cat sits.").decode()},
    {"b64": "?"}, {"text": "A cat."},
)  # fmt: skip
VECTOR = {"name": "embedding"}
NUMBERS: tuple[Any, ...] = (
    101, 7592, 2088, 102, 0, -1, 10**9, 2**63, 2**70, 1.0, 1.5, "101", None, True, [101], float("inf"), {},
)  # fmt: skip
SHAPES: tuple[Any, ...] = (
    [1, 1], [1], [], [2, 1], [1, 2], [0, 1], [-1, 1], [1, 1, 1], "1", None, [1.0, 1], [True, 1], [2**40, 1],
)  # fmt: skip
PARAMETERS: tuple[Any, ...] = (
    None, {}, {"truncation": True}, {"truncation": False}, {"truncation": "yes"}, {"truncation": None},
    {"prompt": "query: "}, {"prompt_name": "none such"}, {"top_k": 1}, {"unknown": 3}, [], 3, "x",
    {"binary_data_output": False}, {"binary_data_output": "x"},
    {"truncation": True, "truncation_side": "left"}, {"truncation_side": "middle"},
)  # fmt: skip
PATHS = (
    f"/v2/models/{NAME}/versions/1/infer", f"/v2/models/{NAME}/versions/2/infer", f"/v2/models/{NAME}x/infer",
    f"/v2/models/{NAME}/generate", "/v2/models//infer", f"/v2/models/{NAME}/infer/",
    f"/V2/models/{NAME}/infer", "/v2/repository/index", f"/v2/models/{NAME}%2Finfer",
    f"/predictions/{NAME}/1.0", f"/predictions/{NAME}/9",
)  # fmt: skip
HEADERS: tuple[tuple[tuple[str, str], ...], ...] = (
    (JSON, JSON), (("Content-Encoding", "gzip"),), (("Content-Encoding", "identity"),),
    ((HEADER_LENGTH, "3"),), ((HEADER_LENGTH, "x"),), ((HEADER_LENGTH, "1"), (HEADER_LENGTH, "2")),
    (("X-Request-Id", "a\tb"),),
    (("Content-Type", "text/plain"),), (("Accept", "application/xml"),), (("Accept-Encoding", "gzip"),),
)  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """A request over HTTP, where `@` in its path stands for the model; or a message of gRPC without one."""

    path: str
    content: bytes
    headers: tuple[tuple[str, str], ...] = ()
    method: str = "POST"
    protocol: str = "HTTP"


def draw(seed: int, count: int, originals: Originals) -> Iterator[Asked]:
    """So many requests; the same ones for the same seed."""
    rng = random.Random(seed)
    kinds = (_tensors, _texts, _texts, _predictions, _elsewhere, _headers, _reads)
    for _ in range(count):
        if rng.random() < 0.3:
            made = mutant(rng, originals)
            yield Asked(INFER, made.content, tuple(made.headers.items()), protocol=made.protocol)
        else:
            yield rng.choice(kinds)(rng)


def _sent(path: str, said: object, *headers: tuple[str, str]) -> Asked:
    return Asked(path, json.dumps(said).encode(), headers)


def _around(rng: random.Random, tensor: dict[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = {"inputs": [tensor]}
    for name, values in (
        ("id", ("7", "", None, 7, "x" * 300)),
        ("parameters", PARAMETERS),
        (
            "outputs",
            (None, [], [{"name": "embedding"}], [{"name": "none"}], {}, [{}], [{"name": "embedding"}] * 2),
        ),
    ):
        if rng.random() < 0.4:
            said[name] = copy.deepcopy(rng.choice(values))
    return said


def _tensors(rng: random.Random) -> Asked:
    rows, length = rng.choice((1, 1, 2, 3)), rng.choice((1, 3, 8, 40, 200))
    data = [[rng.randrange(1000, 2000) for _ in range(length)] for _ in range(rows)]
    if rng.random() < 0.4:
        data[rng.randrange(rows)][rng.randrange(length)] = rng.choice(NUMBERS)
    flat = [each for row in data for each in row]
    tensor = {
        "name": "input_ids",
        "datatype": rng.choice(("INT64",) * 6 + ("INT32", "FP32", "BYTES", "int64", None)),
        "shape": [rows, length] if rng.random() < 0.8 else rng.choice(SHAPES),
        "data": data if rng.random() < 0.5 else flat,
    }
    return _sent(INFER, _around(rng, tensor))


def _texts(rng: random.Random) -> Asked:
    rows = rng.choice((1, 1, 1, 2, 5))
    values = [rng.choice(TEXTS) for _ in range(rows)]
    shape = rng.choice(SHAPES) if rng.random() < 0.3 else [rows, 1] if rng.random() < 0.7 else [rows]
    data = values if rng.random() < 0.5 else [[each] for each in values]
    tensor = {
        "name": "text",
        "datatype": rng.choice(("BYTES",) * 8 + ("STRING", "INT64")),
        "shape": shape,
        "data": data,
    }
    if rng.random() < 0.2:
        tensor["parameters"] = rng.choice((None, {"content_type": "base64"}, {"content_type": "str"}, 3))
    return _sent(TEXT, _around(rng, tensor))


def _predictions(rng: random.Random) -> Asked:
    value = rng.choice(TEXTS)
    if rng.random() < 0.3:
        content = value.encode("utf-8", "replace") if isinstance(value, str) else b"\xff\xfe"
        return Asked(
            PREDICT, content, (("Content-Type", rng.choice(("text/plain", "application/octet-stream"))),)
        )
    said = rng.choice(
        (value, [value], {"text": value}, {"text": [value, "A dog."]}, {"text": value, "more": 1})
    )
    if isinstance(said, dict) and rng.random() < 0.4:
        said = {**said, "parameters": rng.choice(PARAMETERS)}
    return _sent(PREDICT, said, JSON)


def _elsewhere(rng: random.Random) -> Asked:
    asked = _texts(rng)
    return Asked(
        rng.choice(PATHS), asked.content, asked.headers, rng.choice(("POST", "POST", "PUT", "DELETE"))
    )


def _headers(rng: random.Random) -> Asked:
    asked = rng.choice((_texts, _tensors))(rng)
    return Asked(asked.path, asked.content, rng.choice(HEADERS))


def _reads(rng: random.Random) -> Asked:
    path = rng.choice(("/v2", "/v2/health/live", "/v2/health/ready", "/ping", f"/v2/models/{NAME}", *PATHS))
    more = rng.choice(("", "", "/ready", "/config"))
    return Asked(path + more, b"", (), rng.choice(("GET", "GET", "HEAD")))
