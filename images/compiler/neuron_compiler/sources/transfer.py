"""Streaming a URL to a file, going on where a dropped connection stopped."""

from __future__ import annotations

import http.client
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from http.client import HTTPMessage
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

# Seconds to wait after each try in a row that brought no byte.
PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0)
_BLOCK = 1 << 20
_TIMEOUT = 60.0
# Answers after which the same request may succeed.
_PASSING = {408, 425, 429, 500, 502, 503, 504}


class Refused(Exception):
    """The server's answer is an error that another try does not change; `status` is the HTTP status."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP status {status}")
        self.status = status


class Misled(Exception):
    """The server leads to a URL that is not https: nothing is asked for there."""


class Unreachable(Exception):
    """No try brought anything new; the message tells of the last one."""


@dataclass(frozen=True)
class Remote:
    """A URL, and the bearer token for its host, which a redirect's target never sees."""

    url: str
    token: str | None

    def open(self, offset: int, validator: str | None) -> http.client.HTTPResponse:
        """The response with the content from `offset` on, or with the whole of it (status 200).

        `validator` is the strong ETag of what is there already: with one, a server whose content has changed
        since then sends the whole of it.
        """
        request = urllib.request.Request(self.url, headers={"Accept-Encoding": "identity"})
        if self.token:
            request.add_unredirected_header("Authorization", f"Bearer {self.token}")
        if offset:
            request.add_header("Range", f"bytes={offset}-")
            if validator:
                request.add_header("If-Range", validator)
        opener = urllib.request.build_opener(_StaysOnHttps)
        response: http.client.HTTPResponse = opener.open(request, timeout=_TIMEOUT)
        return response


class _StaysOnHttps(urllib.request.HTTPRedirectHandler):
    """Plain http would lead to servers that ask nobody for a name, such as a cloud's metadata."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        if urlsplit(newurl).scheme != "https":
            raise Misled(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def download(
    remote: Remote,
    path: Path,
    begin: Callable[[int | None], Callable[[int], None]],
    pauses: Sequence[float] = PAUSES,
) -> None:
    """Streams the URL's content to `path`.

    `begin` is called once with the size in bytes (None where the server does not tell), and what it returns
    with the number of every block's bytes, negative where what was there has to be fetched anew. Raises
    Refused, Misled, Unreachable, or OSError of the file system.
    """
    tries = iter(pauses)
    advance: Callable[[int], None] | None = None
    size: int | None = None
    validator: str | None = None
    with path.open("wb") as target:
        while True:
            before = target.tell()
            try:
                with remote.open(before, validator) as response:
                    if before and response.status != http.client.PARTIAL_CONTENT:
                        target.seek(0)
                        target.truncate()
                        if advance is not None:
                            advance(-before)
                    if response.status != http.client.PARTIAL_CONTENT:
                        size, validator = response.length, _strong(response.headers["ETag"])
                    if advance is None:
                        advance = begin(size)
                    for block in _blocks(response):
                        _write(target, block)
                        advance(len(block))
                if size is None or target.tell() >= size:
                    return
                lost = "the connection ended too early"
            except _Local as error:
                raise error.cause from None
            except urllib.error.HTTPError as error:
                if error.code not in _PASSING:
                    raise Refused(error.code) from error
                lost = f"HTTP status {error.code}"
            except (OSError, http.client.HTTPException) as error:
                lost = _said(error)
            if target.tell() > before:
                tries = iter(pauses)
            pause = next(tries, None)
            if pause is None:
                raise Unreachable(lost)
            print(f"fetch: {lost} after {target.tell()} bytes, going on in {pause:.0f} s", flush=True)
            time.sleep(pause)


class _Local(Exception):
    """An error of the file system, told apart from one of the network, which is an OSError too."""

    def __init__(self, cause: OSError) -> None:
        super().__init__(str(cause))
        self.cause = cause


def _write(target: IO[bytes], block: bytes) -> None:
    try:
        target.write(block)
    except OSError as error:
        raise _Local(error) from error


def _blocks(response: http.client.HTTPResponse) -> Iterator[bytes]:
    while block := response.read(_BLOCK):
        yield block


def _strong(etag: str | None) -> str | None:
    """The ETag, unless it is a weak one: those may not be used to put parts together (RFC 9110, 13.1.5)."""
    return etag if etag and not etag.startswith("W/") else None


def _said(error: BaseException) -> str:
    """What went wrong, in words; raises Unreachable where another try is useless."""
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        raise Unreachable(f"its certificate is not trusted: {cause.verify_message}") from error
    text = str(cause)
    return f"{type(cause).__name__}: {text}" if text else type(cause).__name__
