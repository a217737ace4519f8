"""What one dear client does. Each attack says what it got: a status, or that its connection was ended."""

import json
import socket
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from threading import Event
from typing import Any

import grpc
import numpy as np
from tritonclient.grpc import service_pb2

from toolbox.ask import Array
from toolbox.load.bodies import binary
from toolbox.soak.wire import METHOD

SECONDS = 120
CLOSED = "connection ended"
JSON_BYTES = 8 * 2**20
_ENOUGH = JSON_BYTES - 10_000
_SOCKETS = 4096
_SLOW_BODIES, _SLOW_BYTES = 50, 20


@dataclass(frozen=True)
class Target:
    """A server of MiniLM; url and grpc are host:port, longest the tokens it takes."""

    model: str
    url: str
    grpc: str
    longest: int

    @property
    def address(self) -> tuple[str, int]:
        """Where HTTP is."""
        host, _, port = self.url.partition(":")
        return host, int(port)


def texts(*rows: str, pairs: bool = False, **parameters: object) -> bytes:
    """A request of texts to the text door."""
    column = {"datatype": "BYTES", "shape": [len(rows), 1], "data": list(rows)}
    names = ("text", "text_pair") if pairs else ("text",)
    said = {"inputs": [{"name": name, **column} for name in names], "parameters": parameters}
    return json.dumps(said, ensure_ascii=False).encode()


def _text(body: Callable[[Target], bytes]) -> Callable[[Target], str]:
    return lambda target: _post(target, f"/v2/models/{target.model}-text/infer", body(target), {})


def _tensors(body: Callable[[Target], Mapping[str, Array]]) -> Callable[[Target], str]:
    def attack(target: Target) -> str:
        sent = binary(body(target))
        return _post(target, f"/v2/models/{target.model}/infer", sent.content, dict(sent.headers))

    return attack


def _post(target: Target, path: str, body: bytes, headers: dict[str, str]) -> str:
    connection = HTTPConnection(target.url, timeout=SECONDS)
    try:
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        answer.read()
        return str(answer.status)
    except (OSError, HTTPException):
        return CLOSED
    finally:
        connection.close()


def _numbers(target: Target) -> str:
    """JSON of as many numbers as it may have bytes."""
    body = b'{"inputs": [{"name": "input_ids", "datatype": "INT64", "shape": [1, 3], "data": ['
    body += b"1," * ((_ENOUGH - len(body)) // 2) + b"1]}]}"
    return _post(target, f"/v2/models/{target.model}/infer", body, {})


def _nested(target: Target) -> str:
    body = b'{"inputs": ' + b"[" * (_ENOUGH // 2) + b"]" * (_ENOUGH // 2) + b"}"
    return _post(target, f"/v2/models/{target.model}/infer", body, {})


def _message(size: int) -> Callable[[Target], str]:
    def attack(target: Target) -> str:
        message = service_pb2.ModelInferRequest(model_name=target.model)
        message.inputs.add(name="input_ids", datatype="INT64", shape=[1, size // 8])
        message.raw_input_contents.append(bytes(size))
        with grpc.insecure_channel(target.grpc) as channel:
            try:
                channel.unary_unary(METHOD)(message.SerializeToString(), timeout=SECONDS)
            except grpc.RpcError as refused:
                return str(refused.code())
        return "OK"

    return attack


def _sockets(target: Target) -> str:
    """Four times as many connections as there may be, all idle, for some seconds."""
    held = 0
    with ExitStack() as all_of_them:
        for _ in range(_SOCKETS):
            with suppress(OSError):
                all_of_them.enter_context(socket.create_connection(target.address, timeout=5))
                held += 1
        Event().wait(2)
    return "held" if held else CLOSED


def _slow(target: Target) -> str:
    """A body of which a byte comes now and then."""
    head = f"POST /v2/models/{target.model}/infer HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"
    try:
        with ExitStack() as held:
            lines = [
                held.enter_context(socket.create_connection(target.address, timeout=SECONDS))
                for _ in range(50)
            ]
            for line in lines:
                line.sendall(head.encode())
            for _ in range(_SLOW_BYTES):
                Event().wait(0.2)
                for line in lines:
                    line.sendall(b" ")
    except OSError:
        return CLOSED
    return "left"


def _rows(count: int, length: int) -> dict[str, Any]:
    return {"input_ids": np.full((count, length), 2000, dtype=np.int64)}


ATTACKS: Mapping[str, Callable[[Target], str]] = {
    "8 MB of one letter": _text(lambda target: texts("!" * _ENOUGH)),
    "8 MB of one letter, to be cut": _text(lambda target: texts("!" * _ENOUGH, truncation=True)),
    "8 MB of emoji, to be cut": _text(lambda target: texts("🎉" * (_ENOUGH // 4), truncation=True)),
    "8 MB of spaces, to be cut": _text(lambda target: texts(" " * _ENOUGH, truncation=True)),
    "8 MB of words, to be cut": _text(lambda target: texts("word " * (_ENOUGH // 5), truncation=True)),
    "64 long texts, to be cut": _text(
        lambda target: texts(*["word " * (_ENOUGH // 64 // 5)] * 64, truncation=True)
    ),
    "64 long pairs, to be cut": _text(
        lambda target: texts(*["a b " * (_ENOUGH // 128 // 4)] * 64, pairs=True, truncation=True)
    ),
    "64 rows of the longest": _tensors(lambda target: _rows(64, target.longest)),
    "too many rows": _tensors(lambda target: _rows(5000, target.longest)),
    "a tensor of 60 MB": _tensors(lambda target: _rows(1, 60 * 2**20 // 8)),
    "JSON of 4 million numbers": _numbers,
    "4 million lists": _nested,
    "a message of 15 MB": _message(15 * 2**20),
    "a message of 100 MB": _message(100 * 2**20),
    "4,096 sockets": _sockets,
    "slow bodies": _slow,
}
