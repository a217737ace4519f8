"""The Open Inference Protocol over HTTP, on aiohttp; HAProxy (guard.py) stands before it.

Source: docs.aiohttp.org, "Web Server Advanced"; the Open Inference Protocol, REST.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from aiohttp import web

from neuron_serving.front import describing, predictions, reading, writing
from neuron_serving.front.admission import Share
from neuron_serving.front.models import Model, Models
from neuron_serving.front.refusal import (
    BAD_REQUEST,
    FAILED,
    MEDIA,
    METHOD,
    NOT_FOUND,
    TIMED_OUT,
    TOO_LARGE,
    UNAVAILABLE,
    Refusal,
    invalid,
)
from neuron_serving.front.timing import in_time
from neuron_serving.limits import JSON_COPIES, MAX_REQUEST_BYTES, SMALL_BYTES

log = logging.getLogger("neuron_serving")

SOURCE, REQUEST_ID = "X-Forwarded-For", "X-Neuron-Request-Id"
HEAD_LENGTH = "Inference-Header-Content-Length"
_BODY_SECONDS = 60
# What is longer is read or written in a thread, while others are answered.
_LONG = 64 * 1024
_ID_LENGTH = 128

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
T = TypeVar("T")


def application(models: Models, *, guarded: bool = True) -> web.Application:
    """The application that answers for the models; behind the guard, which says who asks, or without it."""
    rest = _Rest(models, guarded=guarded)
    app = web.Application(middlewares=[_refusing], client_max_size=MAX_REQUEST_BYTES)
    add = app.router.add_route
    add("GET", "/v2", rest.server)
    add("GET", "/v2/health/live", rest.live)
    add("GET", "/v2/health/ready", rest.ready)
    add("GET", "/ping", rest.ping)
    for path in ("/v2/models/{name}", "/v2/models/{name}/versions/{version}"):
        add("GET", path, rest.metadata)
        add("GET", f"{path}/ready", rest.model_ready)
        add("GET", f"{path}/config", rest.configuration)
        add("POST", f"{path}/infer", rest.infer)
    for path in ("/predictions/{name}", "/predictions/{name}/{version}"):
        add("POST", path, rest.predict)
        add("PUT", path, rest.predict)
    return app


def refusal(refused: Refusal) -> web.Response:
    """The answer that a refusal is."""
    return _json(
        {"error": refused.sentence}, refused.status, {**refused.headers, **_named(refused.request_id)}
    )


def _named(request_id: str) -> dict[str, str]:
    """The id of a request for the guard's log, as a JSON string without its quotes."""
    return {REQUEST_ID: json.dumps(request_id[:_ID_LENGTH])[1:-1]} if request_id else {}


def _json(said: object, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    body = json.dumps(said).encode()
    return web.Response(body=body, status=status, content_type="application/json", headers=headers)


@web.middleware
async def _refusing(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except Refusal as refused:
        # Its trace has the frames that have the body, which is let go now.
        answer = refusal(refused.with_traceback(None))
    except web.HTTPException as outcome:
        sentence = {METHOD: "An inference is asked for with POST."}.get(
            outcome.status, "There is no such operation."
        )
        status = outcome.status if outcome.status in (METHOD, NOT_FOUND) else BAD_REQUEST
        answer = refusal(Refusal(status, sentence))
    except asyncio.CancelledError:
        raise
    except ConnectionError:
        # Nobody reads it; raised on, it would be pages of the log for each client that leaves.
        answer = refusal(Refusal(TIMED_OUT, "The client has left."))
    # Whatever else happens belongs to this request; the server goes on.
    except Exception as error:
        log.exception("a request failed")
        answer = refusal(Refusal(FAILED, f"{type(error).__name__}: {error}"))
    if request.body_exists and not request.content.at_eof():
        # The guard must not ask over this connection what others ask while it ends.
        answer.force_close()
    return answer


class _Rest:
    def __init__(self, models: Models, *, guarded: bool) -> None:
        self._models, self._guarded = models, guarded

    def _source(self, request: web.Request) -> str:
        return request.headers.get(SOURCE, "") if self._guarded else request.remote or ""

    async def server(self, request: web.Request) -> web.Response:
        return _json(describing.server())

    async def live(self, request: web.Request) -> web.Response:
        return web.Response(status=200 if await self._models.backend.alive() else UNAVAILABLE)

    async def ready(self, request: web.Request) -> web.Response:
        return web.Response(status=200 if await self._models.backend.ready() else UNAVAILABLE)

    async def ping(self, request: web.Request) -> web.Response:
        healthy = await self._models.backend.ready()
        return _json({"status": "Healthy" if healthy else "Unhealthy"}, 200 if healthy else UNAVAILABLE)

    def _model(self, request: web.Request) -> Model:
        return self._models.named(request.match_info["name"], request.match_info.get("version", ""))

    async def metadata(self, request: web.Request) -> web.Response:
        return _json(describing.model(self._model(request)))

    async def configuration(self, request: web.Request) -> web.Response:
        return _json(describing.configuration(self._model(request)))

    async def model_ready(self, request: web.Request) -> web.Response:
        self._model(request)
        return await self.ready(request)

    async def infer(self, request: web.Request) -> web.Response:
        model = self._model(request)
        source = self._source(request)
        with self._models.bytes.share(source) as share:
            binary = HEAD_LENGTH in request.headers
            limit = model.limits.request_bytes if binary else model.limits.json_bytes
            body = await _body(request, limit, share, binary=binary)
            head = _head(request, len(body)) if binary else None
            asked = await _aside(len(body), reading.read, body, head, model.limits, model.files)
            try:
                answer = await self._models.infer(model, asked, source, share)
            except Refusal as refused:
                refused.request_id = asked.id
                raise
            size = sum(output.array.nbytes for output in answer.outputs)
            pieces, length = await _aside(size, writing.write, answer)
            headers = _named(asked.id)
            if length is None:
                return web.Response(body=pieces[0], content_type="application/json", headers=headers)
            headers[HEAD_LENGTH] = str(length)
            return web.Response(
                body=b"".join(pieces), content_type="application/octet-stream", headers=headers
            )

    async def predict(self, request: web.Request) -> web.Response:
        version = request.match_info.get("version", "1.0")
        if version not in ("1", "1.0"):
            raise Refusal(NOT_FOUND, "There is no such version: the version is 1.0.")
        named = self._models.named(request.match_info["name"])
        model = named if named is self._models.door else self._models.door
        if model is None:
            raise invalid("This model takes tensors only: send them to /v2/models/<name>/infer.")
        source = self._source(request)
        with self._models.bytes.share(source) as share:
            kind = request.headers.get("Content-Type", "")
            limit = model.limits.request_bytes if model.files else model.limits.json_bytes
            body = await _body(request, limit, share, binary=bool(model.files))
            asked, many = await _aside(len(body), predictions.request, body, kind, model)
            answer = await self._models.infer(model, asked, source, share)
            labels = json.loads(model.parameters.get("labels", "[]"))
            said = predictions.said(answer, labels, many, asked.parameters)
            return web.Response(body=said, content_type="application/json")


async def _aside(size: int, function: Callable[..., T], *arguments: object) -> T:
    """Call a function that reads or writes so many bytes: in a thread where they are many."""
    if size > _LONG:
        return await asyncio.to_thread(function, *arguments)
    return function(*arguments)


def _head(request: web.Request, size: int) -> int:
    text = request.headers[HEAD_LENGTH]
    if not (text.isascii() and text.isdecimal() and int(text[:19]) <= size):
        raise invalid(f"{HEAD_LENGTH} must be the bytes of the JSON before the tensors.")
    return int(text)


async def _body(request: web.Request, limit: int, share: Share, *, binary: bool) -> bytes:
    """Read a request's body, no faster than there is room for it. Raises Refusal."""
    coding = request.headers.get("Content-Encoding", "identity").lower()
    if coding not in ("", "identity"):
        raise Refusal(MEDIA, "Compressed requests are not accepted: send the body as it is.")
    return await in_time(_pieces(request, limit, share, binary=binary), _BODY_SECONDS)


async def _pieces(request: web.Request, limit: int, share: Share, *, binary: bool) -> bytes:
    declared = request.content_length
    if declared is not None and declared > limit:
        await _discard(request, declared)
        raise _too_large(limit, binary=binary)
    pieces, size, copies = list[bytes](), 0, 1 if binary else JSON_COPIES
    while piece := await request.content.readany():
        size += len(piece)
        if size > limit:
            pieces.clear()
            await _discard(request, MAX_REQUEST_BYTES - size)
            raise _too_large(limit, binary=binary)
        if size > SMALL_BYTES:
            try:
                share.grow(copies * (len(piece) if share.amount else size))
            except Refusal:
                pieces.clear()
                await _discard(request, limit - size)
                raise
        pieces.append(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _too_large(limit: int, *, binary: bool) -> Refusal:
    if binary:
        return Refusal(
            TOO_LARGE, f"A request may have {limit} bytes for this model: send fewer rows in each."
        )
    return Refusal(TOO_LARGE, f"JSON may have {limit} bytes for this model: send large tensors in binary.")


async def _discard(request: web.Request, size: int) -> None:
    """Read on and keep nothing: a client that is cut off while it sends does not see its answer."""
    while size > 0 and (piece := await request.content.readany()):
        size -= len(piece)
