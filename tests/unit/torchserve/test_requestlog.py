"""A line of JSON for each inference over HTTP."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest
from neuron_torchserve import requestlog
from neuron_torchserve.bounds import Message, Receive, Send
from neuron_torchserve.requestlog import Logged

ASKED = ("/v2/models/m/infer", "/predictions/m")


def lines(path: str, headers: Mapping[str, str], named: str = "") -> list[dict[str, Any]]:
    """What is written of one request, whose body names the id `named`."""
    written: list[str] = []

    async def read() -> None:
        requestlog.name(named)

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        # As FastAPI's middlewares do.
        await asyncio.create_task(read())
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for piece in (b"some", b"thing"):
            await send({"type": "http.response.body", "body": piece})

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    async def send(_: Message) -> None:
        pass

    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": "POST", "path": path, "headers": raw, "client": ("10.0.0.9", 4711)}
    asyncio.run(Logged(app, written.append)(scope, receive, send))
    return [json.loads(line) for line in written]


@pytest.mark.parametrize("path", ASKED)
def test_an_inference_is_a_line_with_the_bodys_id(path: str) -> None:
    (line,) = lines(path, {"X-Request-Id": "the header's"}, named='the "body\'s"')
    assert line.pop("time").endswith("Z")
    assert line.pop("milliseconds") >= 0
    assert line == {
        "client": "10.0.0.9",
        "method": "POST",
        "path": path,
        "status": 200,
        "bytes": 9,
        "requestId": 'the "body\'s"',
    }


def test_without_an_id_in_the_body_the_headers_is_told() -> None:
    (line,) = lines(ASKED[0], {"X-Request-Id": "x" * 200})
    assert line["requestId"] == "x" * 128


def test_a_path_stays_one_line_and_is_cut() -> None:
    (line,) = lines("/predictions/" + "\n" * 400, {})
    assert line["path"].startswith("/predictions/%0A%0A")
    assert len(line["path"]) == 256


def test_other_requests_are_not_logged() -> None:
    assert lines("/v2/health/ready", {}) == []


def test_an_id_outside_of_a_logged_request_goes_nowhere() -> None:
    requestlog.name("7")
    assert lines(ASKED[0], {})[0]["requestId"] == "-"


def test_a_client_that_has_gone_has_a_line_too() -> None:
    written: list[str] = []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        raise ConnectionError

    async def unused(*_: object) -> Any:
        raise AssertionError

    scope = {"type": "http", "method": "POST", "path": ASKED[0], "headers": []}
    with pytest.raises(ConnectionError):
        asyncio.run(Logged(app, written.append)(scope, unused, unused))
    assert json.loads(written[0])["status"] == -1
