"""A TCP proxy that cuts connections in the middle of an answer, for tests of downloads that go on."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

_BLOCK = 1 << 14


class Cutter:
    """Passes bytes on to a server of this machine, and cuts the connection over which the answers' total
    reaches each of the given numbers of bytes.
    """

    def __init__(self, port: int, cuts: Sequence[int]) -> None:
        self._server = port
        self._cuts = sorted(cuts)
        self._passed = 0
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    @property
    def left(self) -> int:
        """How many cuts are still to come."""
        with self._lock:
            return len(self._cuts)

    @property
    def passed(self) -> int:
        """How many bytes of answers have come so far."""
        with self._lock:
            return self._passed

    def serve(self) -> None:
        """Accepts connections until `close`."""
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._server))
            for source, target, counted in ((client, server, False), (server, client, True)):
                threading.Thread(target=self._pass, args=(source, target, counted), daemon=True).start()

    def close(self) -> None:
        """Takes no more connections; `accept` ends."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _pass(self, source: socket.socket, target: socket.socket, counted: bool) -> None:
        try:
            while block := source.recv(_BLOCK):
                if counted and self._cut(len(block)):
                    break
                target.sendall(block)
        except OSError:
            pass
        for end in (source, target):
            # Both directions end together; the other thread may have been first.
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def _cut(self, size: int) -> bool:
        with self._lock:
            self._passed += size
            if self._cuts and self._passed >= self._cuts[0]:
                self._cuts.pop(0)
                return True
            return False


@contextmanager
def cutting(port: int, *cuts: int) -> Iterator[Cutter]:
    """A proxy before the server at `port`, at work while the context lasts."""
    cutter = Cutter(port, cuts)
    thread = threading.Thread(target=cutter.serve, daemon=True)
    thread.start()
    with closing(cutter):
        yield cutter
    thread.join()
