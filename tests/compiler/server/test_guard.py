"""The guard in front of tritonserver: the real HAProxy before a server that answers everything."""

import http.client
import json
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from neuron_triton import guard

if shutil.which(guard.HAPROXY) is None:
    pytest.skip("HAProxy is installed in the image of the tests only", allow_module_level=True)

INFER = "/v2/models/m/infer"
TENSOR: dict[str, Any] = {"name": "input_ids", "datatype": "INT64", "shape": [1, 2], "data": [1, 2]}
LENGTH = "Inference-Header-Content-Length"


class Server(BaseHTTPRequestHandler):
    """Answers with the method and the length of what arrived, or what it is told to."""

    protocol_version = "HTTP/1.1"
    answers: tuple[int, bytes] | None = None
    encodings: str | None = None

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def _answer(self, body: bytes) -> None:
        Server.encodings = self.headers.get("Accept-Encoding")
        status, content = self.answers or (200, f"{self.command} {len(body)}".encode())
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@dataclass
class Guarded:
    """The guard's port, its process and the file that has its log."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path
    connections: list[http.client.HTTPConnection] = field(default_factory=list)

    def connect(self) -> http.client.HTTPConnection:
        self.connections.append(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30))
        return self.connections[-1]

    def ask(self, body: object, headers: dict[str, str] | None = None, path: str = INFER) -> tuple[int, str]:
        """The status and the text of an answer to a POST; what is no bytes is sent as JSON."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        connection = self.connect()
        connection.request("POST", path, content, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Guarded]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    text = tmp_path / "guard.cfg"
    address = f"127.0.0.1:{server.server_port}"
    text.write_text(guard.configuration(port, address, request_log=True))
    log = tmp_path / "requests.log"
    with log.open("wb") as output:
        process = subprocess.Popen(guard.arguments(text), stdout=output)
    made = Guarded(port, process, log)
    _until(True, port)
    yield made
    process.kill()
    process.wait()
    for connection in made.connections:
        connection.close()
    server.shutdown()
    server.server_close()
    Server.answers = None


def _until(is_open: bool, port: int) -> None:
    """Wait until new connections are accepted, or no longer are."""
    deadline = time.monotonic() + 20
    while _is_open(port) != is_open:
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)


def _is_open(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def request(**changes: object) -> dict[str, Any]:
    return {"inputs": [{**TENSOR, **changes}]}


def binary(count: int) -> tuple[bytes, dict[str, str]]:
    """A request whose tensor follows its JSON as bytes."""
    tensor = {**TENSOR, "shape": [1, count], "parameters": {"binary_data_size": 8 * count}}
    del tensor["data"]
    head = json.dumps({"inputs": [tensor]}).encode()
    return head + bytes(8 * count), {LENGTH: str(len(head))}


def test_what_is_right_passes_as_it_is(guarded: Guarded) -> None:
    good = [
        request(),
        request(shape=[2, 1], data=[[1], [2]]),
        request(shape=[0, 4], data=[]),
        request(datatype="BYTES", shape=[1, 1], data=['{"shape": [99999999999], "a\\": }']),
        {**request(), "id": "7", "parameters": {"truncation": True}, "outputs": [{"name": "o"}]},
    ]
    for each in good:
        assert guarded.ask(each) == (200, f"POST {len(json.dumps(each))}")
    assert guarded.ask(request(), path="/v2/models/m/versions/1/infer")[0] == 200
    assert guarded.ask(*binary(3))[0] == 200


def test_each_inference_and_nothing_else_is_a_line_of_the_log(guarded: Guarded) -> None:
    Server.answers = (200, b"answered")
    guarded.ask({**request(), "id": 'the "first"'})
    guarded.ask({**request(), "id": "second", "outputs": 3})
    guarded.ask(b"[")
    guarded.ask(b"{", {"X-Request-Id": "third" * 100}, path=f'{INFER}?a="%22"')
    connection = guarded.connect()
    connection.request("GET", "/v2/health/ready")
    connection.getresponse().read()
    guarded.process.send_signal(signal.SIGUSR1)
    for each in guarded.connections:
        each.close()
    guarded.process.wait(20)
    lines = guarded.log.read_text().splitlines()
    # HAProxy itself tells here that it ends.
    first, second, nameless, third = (json.loads(line) for line in lines if line.startswith("{"))
    assert first["time"].endswith("Z")
    assert first["milliseconds"] >= 0
    assert first["bytes"] > len("answered")
    del first["time"], first["milliseconds"], first["bytes"]
    assert first == {
        "client": "127.0.0.1",
        "method": "POST",
        "path": INFER,
        "status": 200,
        "requestId": 'the "first"',
    }
    assert (second["status"], second["requestId"]) == (400, "second")
    assert (nameless["status"], nameless["requestId"]) == (400, "-")
    assert (third["status"], third["path"]) == (400, f"{INFER}?a=?%22?")
    assert third["requestId"] == ("third" * 100)[:128]


def test_no_answer_is_compressed_whatever_a_client_accepts(guarded: Guarded) -> None:
    Server.encodings = "nothing was asked"
    assert guarded.ask(request(), {"Accept-Encoding": "gzip, deflate"})[0] == 200
    assert Server.encodings is None


def test_binary_tensors_larger_than_the_buffer_pass(guarded: Guarded) -> None:
    content, headers = binary(2 * guard.MAX_JSON_BYTES // 8)
    assert guarded.ask(content, headers) == (200, f"POST {len(content)}")


TWICE = b'{"inputs": [], "input\\u0073": [{"name": "a", "shape": [1], "datatype": "BOOL", "data": [1]}]}'
WRONG: dict[str, tuple[object, dict[str, str], int, str]] = {
    "no JSON": (b"{", {}, 400, "The body is not JSON"),
    "nothing": (b"", {}, 400, "The body is not JSON"),
    "a list": ([1], {}, 400, "must be a JSON object"),
    "no inputs": ({}, {}, 400, "must have inputs"),
    "inputs of a wrong kind": ({"inputs": 0.5}, {}, 400, "must have inputs"),
    "empty inputs": ({"inputs": []}, {}, 400, "must have inputs"),
    "no name": (request(name=None), {}, 400, "an object with a name"),
    "an unknown datatype": (request(datatype="FP99"), {}, 400, "datatype"),
    "a datatype of a wrong kind": (request(datatype=[0]), {}, 400, "datatype"),
    "a huge shape": (request(shape=[2**31, 4]), {}, 400, "more elements"),
    "a huge product": (request(shape=[100, 100]), {}, 400, "more elements"),
    "a huge size beside none": (request(shape=[0, 2**40]), {}, 400, "more elements"),
    "a negative size": (request(shape=[-1, 3]), {}, 400, "whole numbers"),
    "half a size": (request(shape=[0.5]), {}, 400, "whole numbers"),
    "a shape of a wrong kind": (request(shape={"a": 1}), {}, 400, "whole numbers"),
    "no number": (b'{"inputs": [{"data": [NaN]}]}', {}, 400, "The body is not JSON"),
    "data of a wrong kind": (request(data="x"), {}, 400, "data must be a list"),
    "a binary size of a wrong kind": (
        request(parameters={"binary_data_size": "x"}), {}, 400, "binary_data_size",
    ),
    "deep nesting": (b"[" * 100_000 + b"]" * 100_000, {}, 400, "The body is not JSON"),
    "a name twice": (TWICE, {}, 400, "twice"),
    "outputs of a wrong kind": ({**request(), "outputs": 3}, {}, 400, "outputs must be a list"),
    "a compressed body": (request(), {"Content-Encoding": "gzip"}, 415, "Compressed"),
    "too much JSON": (b" " * (guard.MAX_JSON_BYTES + 1), {}, 413, "in binary"),
    "a negative header length": (request(), {LENGTH: "-1"}, 400, LENGTH),
    "a header length beyond the body": (request(), {LENGTH: "9999"}, 400, LENGTH),
    "a body that is too long": (b"{}", {"Content-Length": str(2 * guard.MAX_REQUEST_BYTES)}, 413, "may have"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_refused_with_a_sentence(guarded: Guarded, what: str) -> None:
    body, headers, status, words = WRONG[what]
    found, text = guarded.ask(body, headers)
    assert (found, words in json.loads(text)["error"]) == (status, True), text


def test_only_inferences_and_questions_about_models_are_let_through(guarded: Guarded) -> None:
    refused = (
        "/v2/repository/models/m/unload",
        "/v2/models/m/generate",
        "/v2/systemsharedmemory/region/a/register",
    )
    assert [guarded.ask(b"{}", path=path)[0] for path in refused] == [404] * 3
    connection = guarded.connect()
    for path, status in (("/v2/models/m", 200), ("/v2/health/ready", 200), (INFER, 405)):
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        assert (path, answer.status) == (path, status)


def test_what_the_server_says_of_a_request_it_cannot_read_is_the_clients_error(guarded: Guarded) -> None:
    Server.answers = (500, b'{"error":"Unable to parse \'data\': Shape does not match"}')
    assert guarded.ask(request()) == (400, Server.answers[1].decode())
    Server.answers = (500, b'{"error":"The model failed"}')
    assert guarded.ask(request())[0] == 500


def test_a_lasting_connection_is_told_that_it_ends_and_answered_once_more(guarded: Guarded) -> None:
    connection = guarded.connect()
    connection.request("POST", INFER, json.dumps(request()))
    answer = connection.getresponse()
    answer.read()
    assert answer.getheader("Connection") is None
    guarded.process.send_signal(signal.SIGUSR1)
    _until(False, guarded.port)
    connection.request("POST", INFER, json.dumps(request()))
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("Connection")) == (200, "close")
    answer.read()
    assert guarded.process.wait(20) == 0
