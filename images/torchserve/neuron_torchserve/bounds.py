"""How large a request over HTTP may be: an ASGI middleware that refuses others before they fill the memory.

Source: asgi.readthedocs.io, specs/www.
"""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

MAX_REQUEST_BYTES = 64 * 2**20
# JSON takes many times its size once it is read.
MAX_JSON_BYTES = 8 * 2**20

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

_TOO_LONG = f"A request has at most {MAX_REQUEST_BYTES // 2**20} MiB: send fewer rows in each."
_TOO_MUCH = f"JSON has at most {MAX_JSON_BYTES // 2**20} MiB: send tensors as binary data."
_COMPRESSED = "Compressed requests are not accepted: send the body as it is."


class _TooLong(Exception):  # an outcome, which this module alone sees
    """More of a body has come than a request may have."""


class Bounded:
    """Passes on the requests that are small enough; others get a sentence, and their connection ends."""

    def __init__(self, app: Application) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """One connection's request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.lower(): value for name, value in scope["headers"]}
        if headers.get(b"content-encoding", b"identity").lower() != b"identity":
            await _refuse(send, 415, _COMPRESSED)
            return
        is_json = scope["path"].endswith("/infer") and b"inference-header-content-length" not in headers
        limit, sentence = (MAX_JSON_BYTES, _TOO_MUCH) if is_json else (MAX_REQUEST_BYTES, _TOO_LONG)
        length = headers.get(b"content-length", b"")
        declared = int(length) if length.isdigit() else 0
        if declared > limit:
            if declared <= MAX_REQUEST_BYTES:
                await _discard(receive, declared)
            await _refuse(send, 413, sentence)
            return
        came, answered = 0, False

        async def counted() -> Message:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            if came > limit:
                raise _TooLong
            return message

        async def noted(message: Message) -> None:
            nonlocal answered
            answered = True
            await send(message)

        try:
            await self._app(scope, counted, noted)
        except _TooLong:
            if not answered:
                await _discard(receive, MAX_REQUEST_BYTES - came)
                await _refuse(send, 413, sentence)


async def _discard(receive: Receive, size: int) -> None:
    """Read on and keep nothing: a client that is cut off while it sends does not see its answer."""
    more = True
    while more and size > 0:
        message = await receive()
        size -= len(message.get("body", b""))
        more = message.get("more_body", False)


async def _refuse(send: Send, status: int, sentence: str) -> None:
    body = json.dumps({"error": sentence}).encode()
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
