"""An https server that knows ranges and bearer tokens, for tests of downloads."""

from __future__ import annotations

import hashlib
import re
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cluster.certificates import Pair


@dataclass
class Site:
    """What the server has, and what it was asked for: (path, Range, Authorization) of each request."""

    files: dict[str, bytes] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    token: str | None = None
    ranges: bool = True
    asked: list[tuple[str, str | None, str | None]] = field(default_factory=list)


def _handler(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked, said = self.headers["Range"], self.headers["Authorization"]
            site.asked.append((self.path, asked, said))
            if self.path in site.redirects:
                self._head(302, 0, {"Location": site.redirects[self.path]})
                return
            if site.token is not None and said != f"Bearer {site.token}":
                self._head(403 if said else 401, 0, {})
                return
            content = site.files.get(self.path)
            if content is None:
                self._head(404, 0, {})
                return
            etag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
            start = re.fullmatch(r"bytes=(\d+)-", asked or "")
            if start and site.ranges and self.headers.get("If-Range", etag) == etag:
                offset = int(start[1])
                extent = f"bytes {offset}-{len(content) - 1}/{len(content)}"
                self._head(206, len(content) - offset, {"ETag": etag, "Content-Range": extent})
                self.wfile.write(content[offset:])
            else:
                self._head(200, len(content), {"ETag": etag})
                self.wfile.write(content)

        def _head(self, status: int, length: int, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(length)}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, format: str, *words: object) -> None:
            """The tests read `asked` instead."""

    return Handler


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Connections are cut on purpose."""


@contextmanager
def https(site: Site, pair: Pair) -> Iterator[int]:
    """Serves the site with the pair's certificate; gives the port."""
    server = _Server(("127.0.0.1", 0), _handler(site))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
