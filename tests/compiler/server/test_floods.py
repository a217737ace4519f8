"""Clients who mean harm at the doors: bytes that two servers could read differently, floods of HTTP/2, and
messages that are as large as they may be. None ends the server, or is answered as somebody else's request.
"""

import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import grpc
import pytest
from compiler.server.fronts import Front, start
from compiler.server.test_guard import GOOD, INFER, lines
from neuron_serving.limits import MAX_MESSAGE_BYTES

SMUGGLED = b"POST /v2/models/smuggled/infer HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEADERS, PRIORITY, RESET, SETTINGS, PING, WINDOW = 1, 2, 3, 4, 6, 8
END_STREAM, END_HEADERS = 1, 4
MANY = 5_000


@pytest.fixture
def alone(artifact: Path, tmp_path: Path, front: Front) -> Iterator[Front]:
    """A front of its own, whose log has this test's requests alone."""
    made = start(artifact, tmp_path)
    try:
        yield made
    finally:
        made.stop()


def sent(front: Front, content: bytes) -> bytes:
    """What comes back until the connection ends."""
    with socket.create_connection(("127.0.0.1", front.port), timeout=60) as connection:
        connection.sendall(content)
        connection.shutdown(socket.SHUT_WR)
        with suppress(ConnectionError):
            return b"".join(iter(lambda: connection.recv(65536), b""))
    return b""


def head(*more: bytes, path: bytes = INFER.encode()) -> bytes:
    return b"\r\n".join((b"POST " + path + b" HTTP/1.1", b"Host: a", *more)) + b"\r\n\r\n"


LENGTH = b"Content-Length: %d" % len(SMUGGLED)
CHUNKED = b"Transfer-Encoding: chunked"


@pytest.mark.parametrize(
    "request_",
    [
        head(b"Content-Length: 5", CHUNKED) + b"0\r\n\r\n",
        head(CHUNKED, b"Content-Length: 5") + b"0\r\n\r\n",
        head(CHUNKED, b"Transfer-Encoding: identity") + b"0\r\n\r\n",
        head(b"Transfer-Encoding: xchunked"),
        head(b"Transfer-Encoding : chunked"),
        head(b"Transfer-Encoding:\x0bchunked"),
        head(b"X: a\r\n Transfer-Encoding: chunked"),
        head(b"Content-Length: 0", b"Content-Length: 100"),
        head(b"Content-Length: 0, 100"),
        head(b"Content-Length: +0"),
        head(b"Content-Length: 0x0"),
        head(b"Content-Length: -1"),
        head(b"Content-Length: 0\x00"),
        head(b"Content-Length: 0", b"X: a\nTransfer-Encoding: chunked"),
        head(b"Content-Length: 0", b"X: a\rTransfer-Encoding: chunked"),
        b"POST " + INFER.encode() + b" HTTP/1.1\nHost: a\nContent-Length: 0\n\n",
        head(CHUNKED) + b"0;a=" + b"b" * 200 + b"\r\n\r\n",
        head(CHUNKED) + b"0\r\nContent-Length: 100\r\nTransfer-Encoding: chunked\r\n\r\n",
        head(CHUNKED) + b"00000000000000000000\r\n\r\n",
        head(CHUNKED) + b"0\n\n",
        head(b"Content-Length: 0", b"Connection: X-Forwarded-For", b"X-Forwarded-For: 10.0.0.1"),
        head(
            b"Content-Length: 0",
            b"Upgrade: h2c",
            b"HTTP2-Settings: AAA",
            b"Connection: Upgrade, HTTP2-Settings",
        ),
    ],
)
def test_what_follows_a_doubtful_request_is_one_request_or_none(front: Front, request_: bytes) -> None:
    before = len(lines(front))
    answer = sent(front, request_ + SMUGGLED)
    paths = [line["path"] for line in lines(front)[before:]]
    assert paths.count("/v2/models/smuggled/infer") <= 1
    assert answer.count(b"HTTP/1.1 ") <= 2
    assert answer.count(b"There is no model") <= 1
    assert b"HTTP/1.1 101" not in answer
    assert b" 200 " not in answer
    assert front.ask(GOOD)[0] == 200


@pytest.mark.parametrize(
    "path",
    [
        b"/v2/models/a%0d%0aX:%20b/infer",
        b"/v2/models/\x1b[31m/infer",
        b'/v2/models/","a":"/infer',
        b"/" * 9000,
    ],
)
def test_a_path_is_one_line_of_the_log_and_nothing_that_a_terminal_obeys(front: Front, path: bytes) -> None:
    before = len(lines(front))
    content = b'{"id": "\\u001b[31m\\n{\\"status\\": 200}"}'
    length = b"Content-Length: %d" % len(content)
    sent(front, head(length, b"X-Request-Id: \x1b[31m\xff", path=path) + content)
    sent(front, head(length, b"X-Request-Id: \x1b[31m\xff") + content)
    found = lines(front)[before:]
    assert found
    assert all(line["status"] != 200 for line in found)
    assert "\x1b" not in front.log.read_text()


def frame(kind: int, flags: int = 0, stream: int = 0, content: bytes = b"") -> bytes:
    return struct.pack(">I", len(content))[1:] + bytes((kind, flags)) + struct.pack(">I", stream) + content


def literal(name: bytes, value: bytes) -> bytes:
    """A header that no table keeps."""
    return b"\0" + bytes((len(name),)) + name + bytes((len(value),)) + value


CALL = b"".join(
    (
        literal(b":method", b"POST"),
        literal(b":scheme", b"http"),
        literal(b":path", b"/inference.GRPCInferenceService/ServerLive"),
        literal(b":authority", b"a"),
        literal(b"content-type", b"application/grpc"),
        literal(b"te", b"trailers"),
    )
)


def calls_that_are_taken_back() -> bytes:
    return b"".join(
        frame(HEADERS, END_HEADERS, stream, CALL) + frame(RESET, 0, stream, struct.pack(">I", 8))
        for stream in range(1, 2 * MANY, 2)
    )


FLOODS: dict[str, Callable[[], bytes]] = {
    "calls that are taken back": calls_that_are_taken_back,
    "settings": lambda: frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 65535)) * MANY,
    "a table of headers of 4 GiB": lambda: frame(SETTINGS, 0, 0, struct.pack(">HI", 1, 0xFFFFFFFF)) * MANY,
    "pings": lambda: frame(PING, 0, 0, bytes(8)) * MANY,
    "windows": lambda: frame(WINDOW, 0, 0, struct.pack(">I", 1)) * MANY,
    "a window beyond its end": lambda: frame(WINDOW, 0, 0, struct.pack(">I", 0x7FFFFFFF)) * 2,
    "priorities": lambda: frame(PRIORITY, 0, 3, bytes(5)) * MANY,
    "streams that never end": lambda: b"".join(
        frame(HEADERS, END_HEADERS, stream, CALL) for stream in range(1, 2 * MANY, 2)
    ),
    "frames of 16 MiB": lambda: (struct.pack(">I", 0xFFFFFF)[1:] + bytes(6) + bytes(1 << 20)) * 4,
}


def resident(front: Front) -> int:
    """MiB that the front's process has."""
    text = Path(f"/proc/{front.process.pid}/status").read_text()
    return next(int(line.split()[1]) >> 10 for line in text.splitlines() if line.startswith("VmRSS"))


def live(front: Front) -> bool:
    with grpc.insecure_channel(f"127.0.0.1:{front.grpc}") as channel:
        said = channel.unary_unary("/inference.GRPCInferenceService/ServerLive")(b"", timeout=60)
    return bool(said == b"\x08\x01")


@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_of_http_2_neither_ends_nor_fills_the_server(front: Front, flood: str) -> None:
    assert live(front)
    before, content = resident(front), PREFACE + frame(SETTINGS) + FLOODS[flood]()
    with ExitStack() as held:
        for _ in range(4):
            connection = held.enter_context(socket.create_connection(("127.0.0.1", front.grpc), timeout=20))
            # Whoever is told to go away, or not listened to any longer, is where it should be.
            with suppress(OSError):
                connection.sendall(content)
        assert live(front)
        assert front.ask(GOOD)[0] == 200
        assert front.get("/v2/health/ready", front.probes) == 200
        assert resident(front) < before + 100


@pytest.mark.parametrize("method", ["ServerLive", "ModelInfer"])
def test_messages_as_large_as_they_may_be_are_held_a_few_at_a_time(alone: Front, method: str) -> None:
    assert live(alone)
    before = resident(alone)
    # A field that no message has.
    size = MAX_MESSAGE_BYTES - 64
    message = (
        b"\x7a"
        + bytes((size >> shift & 127 | 128) for shift in (0, 7, 14))
        + bytes((size >> 21,))
        + bytes(size)
    )
    with grpc.insecure_channel(f"127.0.0.1:{alone.grpc}") as channel:
        call = channel.unary_unary(f"/inference.GRPCInferenceService/{method}")
        asked = [call.future(message, timeout=120) for _ in range(40)]
        codes = {each.code() for each in asked}
    assert codes <= {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    }
    assert resident(alone) < before + 40 * 8
