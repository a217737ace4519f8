"""The guard before the front: what holds whatever clients do, and what a client sees when the server ends."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import grpc
import pytest
from compiler.server.fronts import NAME, Front, is_open, start, until
from neuron_serving.front.guard import MAX_CONNECTIONS_OF_CLIENT
from neuron_serving.limits import JSON_COPIES, MAX_JSON_BYTES, TOTAL_BYTES

INFER = f"/v2/models/{NAME}/infer"
TENSOR = {"name": "input_ids", "datatype": "INT64", "shape": [1, 2], "data": [2, 3]}
GOOD = {"inputs": [TENSOR]}


@pytest.fixture
def ending(artifact: Path, tmp_path: Path, front: Front) -> Iterator[Front]:
    """A front of its own, which the test ends."""
    made = start(artifact, tmp_path)
    yield made
    made.stop()


def lines(front: Front) -> list[dict[str, object]]:
    """The requests in its log. HAProxy itself tells there that it ends."""
    return [json.loads(line) for line in front.log.read_text().splitlines() if line.startswith("{")]


def raw(front: Front, head: str, body: bytes = b"") -> bytes:
    """The answer to bytes."""
    with socket.create_connection(("127.0.0.1", front.port), timeout=60) as connection:
        connection.sendall(head.encode() + b"\r\nConnection: close\r\n\r\n" + body)
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this system has no IPv6")
def test_a_client_of_ipv6_is_answered_as_any_other(front: Front) -> None:
    assert front.get("/v2/health/ready", front.probes, host="::1") == 200
    assert front.get(f"/v2/models/{NAME}/ready", host="::1") == 200
    with grpc.insecure_channel(f"[::1]:{front.grpc}") as channel:
        grpc.channel_ready_future(channel).result(timeout=60)


@pytest.mark.parametrize("name", ["Content-Type", "X-Request-Id", "Content-Encoding"])
def test_a_header_that_is_there_twice_is_refused(front: Front, name: str) -> None:
    content = json.dumps(GOOD).encode()
    twice = f"{name}: a\r\n{name}: b\r\nContent-Length: {len(content)}"
    answer = raw(front, f"POST {INFER} HTTP/1.1\r\nHost: a\r\n{twice}", content)
    assert b" 400 " in answer.splitlines()[0]
    assert b"A header is there twice." in answer


@pytest.mark.parametrize("sent", ["Content-Length: 4", "Transfer-Encoding: chunked"])
def test_a_get_has_no_body(front: Front, sent: str) -> None:
    answer = raw(front, f"GET /v2/health/ready HTTP/1.1\r\nHost: a\r\n{sent}", b"4\r\nabcd\r\n0\r\n\r\n")
    assert b" 400 " in answer.splitlines()[0]
    assert b"GET and HEAD have no body." in answer


def test_a_body_in_chunks_is_read_as_one_of_a_known_length(front: Front) -> None:
    content = json.dumps(GOOD).encode()
    chunks = b"".join(b"1\r\n%c\r\n" % each for each in content) + b"0\r\n\r\n"
    answer = raw(front, f"POST {INFER} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked", chunks)
    assert b" 200 " in answer.splitlines()[0]


def test_probes_answer_while_one_client_has_all_the_connections_it_may_have(front: Front) -> None:
    with ExitStack() as held:
        for _ in range(MAX_CONNECTIONS_OF_CLIENT + 64):
            # Those beyond its share end as soon as they are there.
            with suppress(ConnectionError):
                held.enter_context(socket.create_connection(("127.0.0.1", front.port), timeout=60))
        assert front.get("/v2/health/live", front.probes) == 200
        assert front.get(f"/v2/models/{NAME}/ready", front.probes) == 200
        other = front.connect(source="127.0.0.2")
        other.request("POST", INFER, json.dumps(GOOD))
        assert other.getresponse().status == 200
    until(lambda: front.get("/v2/health/ready") == 200, "the client may come again")


def test_one_client_that_holds_all_it_may_is_told_to_come_again_and_others_are_answered(front: Front) -> None:
    path, large = f"/v2/models/{NAME}-text/infer", bytes(MAX_JSON_BYTES)
    head = f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {MAX_JSON_BYTES}\r\n\r\n"
    with ExitStack() as held:
        # The last byte does not come: each holds what it has sent, and together they have no room.
        for _ in range(TOTAL_BYTES // 2 // JSON_COPIES // MAX_JSON_BYTES + 1):
            line = held.enter_context(socket.create_connection(("127.0.0.1", front.port), timeout=60))
            line.sendall(head.encode() + large[1:])
        until(lambda: front.ask(large, path=path)[0] == 429, "there is no more room for the client")
        answer = raw(front, f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {MAX_JSON_BYTES}", large)
        assert b"retry-after: 1" in answer.lower()
        other = front.connect(source="127.0.0.2")
        other.request("POST", INFER, json.dumps(GOOD))
        assert other.getresponse().status == 200
        assert front.get("/v2/health/ready", front.probes) == 200


def test_a_refused_request_harms_none_that_comes_after_it(front: Front) -> None:
    for _ in range(20):
        assert front.ask(GOOD, {"Content-Encoding": "gzip"})[0] == 415
        assert front.ask(b" " * 2**20)[0] == 413
        assert front.ask(GOOD, path="/v2/models/other/infer")[0] == 404
        assert front.ask(GOOD)[0] == 200


def test_each_inference_and_nothing_else_is_a_line_of_the_log(ending: Front) -> None:
    ending.ask({**GOOD, "id": 'the "first"'})
    ending.ask({**GOOD, "id": "second", "outputs": 3})
    ending.ask(b"[")
    ending.ask(b"{", {"X-Request-Id": "third" * 100}, path=f'{INFER}?a="%22"')
    ending.get("/v2/health/ready")
    ending.stop()
    first, second, nameless, third = lines(ending)
    assert str(first["time"]).endswith("Z")
    assert int(str(first["milliseconds"])) >= 0
    del first["time"], first["milliseconds"], first["bytes"]
    assert first == {
        "client": "127.0.0.1", "method": "POST", "path": INFER, "status": 200, "requestId": 'the "first"',
    }  # fmt: skip
    assert (second["status"], second["requestId"]) == (400, "second")
    assert (nameless["status"], nameless["requestId"]) == (400, "-")
    assert (third["status"], third["path"]) == (400, f"{INFER}?a=?%22?")
    assert third["requestId"] == ("third" * 100)[:128]


def test_no_answer_is_compressed_whatever_a_client_accepts(front: Front) -> None:
    connection = front.connect()
    connection.request("POST", INFER, json.dumps(GOOD), {"Accept-Encoding": "gzip, deflate"})
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("Content-Encoding")) == (200, None)
    assert json.loads(answer.read())["model_name"] == NAME


def test_a_lasting_connection_is_told_that_it_ends_and_answered_once_more(ending: Front) -> None:
    connection = ending.connect()
    connection.request("POST", INFER, json.dumps(GOOD))
    answer = connection.getresponse()
    answer.read()
    assert answer.getheader("Connection") is None
    ending.process.terminate()
    until(lambda: not is_open(ending.port), "no new connection is accepted")
    connection.request("POST", INFER, json.dumps(GOOD))
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("Connection")) == (200, "close")
    answer.read()
    assert ending.process.wait(60) == 0


def test_without_a_guard_the_front_answers_clients_itself(artifact: Path, tmp_path: Path) -> None:
    alone = start(artifact, tmp_path, "unguarded")
    try:
        assert alone.ask(GOOD)[0] == 200
        assert alone.ask(GOOD, {"X-Forwarded-For": "10.0.0.1"})[0] == 200
        assert alone.get("/v2/health/live", alone.probes) == 200
    finally:
        alone.stop()
    assert alone.process.returncode == 0
