"""Answers that a healthy API server does not give."""

import asyncio

from aiohttp import web

from fakeapi.collection import Refused
from fakeapi.server import Answer


def refusing(code: int, message: str = "not now", **headers: str) -> Answer:
    """A status; headers with their dashes as underscores."""

    async def answer(_: web.Request) -> web.StreamResponse:
        refused = Refused(code, message)
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        return web.json_response(refused.status, status=code, headers=named)

    return answer


def torn(begun: bytes = b'{"kind": "Li') -> Answer:
    """The beginning of an answer; then the connection is gone."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "10000"})
        await response.prepare(request)
        await response.write(begun)
        if request.transport is not None:
            request.transport.abort()
        return response

    return answer


def slow(seconds: float) -> Answer:
    """Nothing for so long, and then an error."""

    async def answer(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(seconds)
        return web.json_response(Refused(504, "too slow").status, status=504)

    return answer
