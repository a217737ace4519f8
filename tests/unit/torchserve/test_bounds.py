"""Requests that are too large, or compressed, are refused before they are read."""

import asyncio
import json
from typing import Any

import pytest
from neuron_torchserve import bounds
from neuron_torchserve.bounds import MAX_JSON_BYTES, MAX_REQUEST_BYTES, Bounded, Message, Receive, Send

JSON: dict[str, str] = {}
BINARY = {"Inference-Header-Content-Length": "80"}
MIB = b"x" * 2**20


def ask(
    headers: dict[str, str], pieces: list[bytes] | None = None, path: str = "/v2/models/m/infer"
) -> tuple[int, Any, int]:
    """The status and JSON of the answer, and how many bytes of the request the server has got.

    What has been read of `pieces` is taken from them.
    """
    sent: list[Message] = []
    left = [b"{}"] if pieces is None else pieces
    read = 0

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        nonlocal read
        more = True
        while more:
            message = await receive()
            read += len(message["body"])
            more = message["more_body"]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b'{"answered": true}'})

    async def receive() -> Message:
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}

    async def send(message: Message) -> None:
        sent.append(message)

    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "path": path, "headers": raw}
    asyncio.run(Bounded(app)(scope, receive, send))
    start, body = sent
    return start["status"], json.loads(body["body"]), read


@pytest.mark.parametrize(
    ("headers", "path"),
    [
        (JSON, "/v2/models/m/infer"),
        (BINARY, "/v2/models/m/infer"),
        ({"Content-Encoding": "identity"}, "/v2/models/m/infer"),
        ({"Content-Length": str(MAX_REQUEST_BYTES)}, "/predictions/m"),
        ({**BINARY, "Content-Length": str(MAX_REQUEST_BYTES)}, "/v2/models/m/infer"),
        ({"Content-Length": str(MAX_JSON_BYTES)}, "/v2/models/m/infer"),
    ],
)
def test_a_request_within_bounds_is_passed_on(headers: dict[str, str], path: str) -> None:
    assert ask(headers, path=path) == (200, {"answered": True}, 2)


@pytest.mark.parametrize(
    ("headers", "path", "status", "sentence"),
    [
        (
            {**BINARY, "Content-Length": str(MAX_REQUEST_BYTES + 1)},
            "/v2/models/m/infer",
            413,
            "at most 64 MiB",
        ),
        ({"Content-Length": str(MAX_REQUEST_BYTES + 1)}, "/predictions/m", 413, "at most 64 MiB"),
        ({"Content-Encoding": "gzip"}, "/v2/models/m/infer", 415, "Compressed"),
    ],
)
def test_a_request_beyond_them_is_refused_unread(
    headers: dict[str, str], path: str, status: int, sentence: str
) -> None:
    answered, said, read = ask(headers, path=path)
    assert (answered, read) == (status, 0)
    assert sentence in said["error"]


def test_json_that_is_too_long_is_read_by_nobody_and_then_refused() -> None:
    length = {"Content-Length": str(9 * len(MIB))}
    pieces = [MIB] * 9
    status, said, read = ask(length, pieces)
    assert (status, read, pieces) == (413, 0, [])
    assert "JSON has at most 8 MiB" in said["error"]


def test_a_body_that_does_not_say_how_long_it_is_is_read_up_to_the_bound() -> None:
    status, said, read = ask(JSON, [MIB] * 20)
    assert (status, read) == (413, MAX_JSON_BYTES)
    assert "JSON has at most 8 MiB" in said["error"]
    assert ask(BINARY, [MIB] * 20) == (200, {"answered": True}, 20 * 2**20)


def test_what_is_not_http_is_passed_on() -> None:
    asked: list[str] = []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        asked.append(scope["type"])

    async def nothing(*_: Any) -> Any:
        raise AssertionError

    asyncio.run(bounds.Bounded(app)({"type": "lifespan"}, nothing, nothing))
    assert asked == ["lifespan"]
