"""A line of JSON for each inference over HTTP: an ASGI middleware, for models that ask for it.

The fields are those of the Triton image's guard (neuron_triton.guard).
"""

import json
import time
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from neuron_torchserve.bounds import Application, Message, Receive, Send

_PATH_LENGTH, _ID_LENGTH = 256, 128
# Whoever reads a request's body may run in another task than the middleware: it gets a copy of the context,
# but not of the dictionary.
_current: ContextVar[dict[str, str] | None] = ContextVar("current", default=None)


def name(request_id: str | None) -> None:
    """Tell the id that the current request's body names, if any."""
    fields = _current.get()
    if fields is not None and request_id:
        fields["requestId"] = request_id[:_ID_LENGTH]


def _print(line: str) -> None:
    print(line, flush=True)


class Logged:
    """Passes requests on and writes a line for each inference when it has ended; its status is -1 where no
    answer was begun.
    """

    def __init__(self, app: Application, write: Callable[[str], Any] = _print) -> None:
        self._app, self._write = app, write

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """One connection's request."""
        if scope["type"] != "http" or not _infers(scope["path"]):
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        status, size, start = -1, 0, time.perf_counter()
        fields = {"requestId": headers.get(b"x-request-id", b"-").decode("latin-1")[:_ID_LENGTH]}
        token = _current.set(fields)

        async def counted(message: Message) -> None:
            nonlocal status, size
            await send(message)
            status = message.get("status", status)
            size += len(message.get("body", b""))

        try:
            await self._app(scope, receive, counted)
        finally:
            _current.reset(token)
            line = {
                "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "client": (scope.get("client") or [""])[0],
                "method": scope["method"],
                "path": quote(scope["path"])[:_PATH_LENGTH],
                "status": status,
                "bytes": size,
                "milliseconds": round(1000 * (time.perf_counter() - start)),
                **fields,
            }
            self._write(json.dumps(line, separators=(",", ":")))


def _infers(path: str) -> bool:
    return path.endswith("/infer") or path.startswith("/predictions/")
