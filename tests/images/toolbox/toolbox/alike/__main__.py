"""`python -m toolbox.alike ONE OTHER`: ask two servers the same, and compare status and answer.

Each is MODEL, which is its host's name too, or MODEL=HOST:PORT:PORT with the ports of HTTP and gRPC. The last
line is the report, as JSON.
"""

import argparse
import json
import math
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any

import grpc
import numpy as np
from tritonclient.grpc import service_pb2

from toolbox.alike.requests import NAME, Asked, draw
from toolbox.soak.mutants import HEADER_LENGTH
from toolbox.soak.wire import METHOD, decodable, originals

SECONDS = 120
# The same module computes, but other threads may have a part in it.
TOLERANCE = 1e-4
FEW = 20
QUESTION = {"input_ids": np.array([[101, 7592, 2088, 102]], dtype=np.int64)}


@dataclass(frozen=True)
class Server:
    """Where a model is asked; url and grpc are host:port."""

    model: str
    url: str
    grpc: str

    @staticmethod
    def named(word: str) -> "Server":
        """The server that a word of the command line means."""
        model, _, where = word.partition("=")
        host, http, call = where.split(":") if where else (model, "8000", "8001")
        return Server(model, f"{host}:{http}", f"{host}:{call}")


def main(words: list[str] | None = None) -> None:
    arguments = _parse(words)
    pair = (Server.named(arguments.one), Server.named(arguments.other))
    every = list(draw(arguments.seed, arguments.requests, originals(NAME, QUESTION)))
    with ThreadPoolExecutor(arguments.clients) as clients:
        pairs = list(clients.map(lambda asked: tuple(answer(server, asked) for server in pair), every))
    statuses: Counter[str] = Counter()
    unlike = []
    for asked, (one, other) in zip(every, pairs, strict=True):
        statuses[str(one[0])] += 1
        if not same(list(one), list(other)):
            unlike.append(
                f"{asked.method} {asked.path} {asked.headers} {asked.content[:300]!r}: {one} and {other}"
            )
    for each in unlike[:FEW]:
        print(f"UNLIKE: {each[:2000]}")
    print(json.dumps({"requests": len(every), "unlike": len(unlike), "statuses": statuses}), flush=True)


def answer(server: Server, asked: Asked) -> tuple[str, Any]:
    """The status and what was said, in which `@` stands for the model."""
    return over_grpc(server, asked) if asked.protocol == "gRPC" else over_http(server, asked)


def over_http(server: Server, asked: Asked) -> tuple[str, Any]:
    connection = HTTPConnection(server.url, timeout=SECONDS)
    try:
        connection.putrequest(asked.method, asked.path.replace(NAME, server.model), skip_accept_encoding=True)
        given = {header.lower() for header, _ in asked.headers}
        for header, value in asked.headers:
            connection.putheader(header, value)
        if asked.content and "transfer-encoding" not in given:
            connection.putheader("Content-Length", str(len(asked.content)))
        connection.endheaders(asked.content or None)
        got = connection.getresponse()
        content = got.read()
        head = got.getheader(HEADER_LENGTH)
    except (OSError, HTTPException) as failure:
        return type(failure).__name__, ""
    finally:
        connection.close()
    return str(got.status), read(server.model, content, len(content) if head is None else int(head))


def over_grpc(server: Server, asked: Asked) -> tuple[str, Any]:
    content = asked.content
    if decodable(content):
        message = service_pb2.ModelInferRequest.FromString(content)
        message.model_name = message.model_name.replace(NAME, server.model)
        content = message.SerializeToString()
    with grpc.insecure_channel(server.grpc) as channel:
        try:
            got = channel.unary_unary(METHOD)(content, timeout=SECONDS)
        except grpc.RpcError as refused:
            return str(refused.code()), str(refused.details()).replace(server.model, NAME)
    said = service_pb2.ModelInferResponse.FromString(got)
    outputs = [[each.name, each.datatype, list(each.shape)] for each in said.outputs]
    values = [np.frombuffer(each, np.float32).tolist() for each in said.raw_output_contents]
    return "OK", [said.model_name.replace(server.model, NAME), said.id, outputs, values]


def read(name: str, content: bytes, head: int) -> Any:
    """The JSON and the numbers behind it; text where it is no JSON."""
    text = content[:head].decode("utf-8", "replace").replace(name, NAME)
    try:
        return [json.loads(text), np.frombuffer(content[head:], np.float32).tolist()]
    except ValueError:
        return text


def same(one: Any, other: Any) -> bool:
    """Whether two answers are the same, numbers with a fraction to the tolerance."""
    if isinstance(one, float) and isinstance(other, float):
        return one == other or math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    return type(one) is type(other) and bool(one == other)


def _parse(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="toolbox.alike", description=__doc__)
    parser.add_argument("one")
    parser.add_argument("other")
    parser.add_argument("--requests", type=int, default=5000)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args(words)


if __name__ == "__main__":
    main()
