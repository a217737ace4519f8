"""A front of its own process for tests, and a client that sends what it is told to."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

PROCESS = Path(__file__).with_name("frontprocess.py")
LENGTH = "Inference-Header-Content-Length"
NAME = "tiny"


@dataclass
class Front:
    """Its ports, its process and the file that has its log."""

    port: int
    grpc: int
    probes: int
    process: subprocess.Popen[bytes]
    log: Path
    connections: list[HTTPConnection] = field(default_factory=list)

    def connect(self, port: int = 0, source: str | None = None, host: str = "127.0.0.1") -> HTTPConnection:
        """A lasting connection to a port, the protocol's if no other is named."""
        made = HTTPConnection(
            host, port or self.port, timeout=60, source_address=(source, 0) if source else None
        )
        self.connections.append(made)
        return made

    def ask(
        self, body: object, headers: dict[str, str] | None = None, path: str = f"/v2/models/{NAME}/infer"
    ) -> tuple[int, Any]:
        """The status and the JSON of an answer to a POST; what is no bytes is sent as JSON."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        connection = self.connect()
        connection.request("POST", path, content, headers or {})
        answer = connection.getresponse()
        said = answer.read()
        connection.close()
        return answer.status, json.loads(said[: int(answer.getheader(LENGTH) or len(said))])

    def get(self, path: str, port: int = 0, host: str = "127.0.0.1") -> int:
        """The status of an answer to a GET."""
        connection = self.connect(port, host=host)
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        return int(answer.status)

    def is_ready(self) -> bool:
        """Whether its probe says so."""
        return is_open(self.probes) and self.get("/v2/health/ready", self.probes) == 200

    def stop(self) -> None:
        """End it at once, and what it has started."""
        for connection in self.connections:
            connection.close()
        self.process.terminate()
        self.process.wait(60)


def start(directory: Path, scratch: Path, *words: str) -> Front:
    """A front for the artifact in a directory, which answers."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(6)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        ports = [each.getsockname()[1] for each in sockets]
    log = scratch / "front.log"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, str(PROCESS), str(directory), NAME, *map(str, ports), *words]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment)
    made = Front(ports[0], ports[1], ports[2], process, log)
    try:
        until(lambda: made.is_ready() or process.poll() is not None, "it is ready")
        assert process.poll() is None, log.read_text()
    except BaseException:
        made.stop()
        raise
    return made


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline, what
        threading.Event().wait(0.05)


def is_open(port: int) -> bool:
    """Whether connections to a port are accepted."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True
