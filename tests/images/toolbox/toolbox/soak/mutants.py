"""Requests with something broken in them: mutated JSON, binary headers, gRPC messages and random bytes.

All that is random comes from the generator that is passed in, so that a seed draws the same requests again.
"""

import copy
import gzip
import json
import random
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

HEADER_LENGTH = "Inference-Header-Content-Length"
NASTY: tuple[Any, ...] = (
    None, True, -1, 0, 2**31, 2**63, -(2**63), 1e308, 0.5, "", "\x00", "INT64", "FP32", "BYTES", "FP99",
    "x" * 5000, [], {}, [[]], [None], [-1, 3], [2**31, 2**31], [0], {"a": [1]},
)  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """A request's body over HTTP, with headers, or a serialized ModelInferRequest over gRPC."""

    protocol: str
    content: bytes
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Originals:
    """A valid request to one model in each form.

    Attributes:
        plain: the JSON of a request whose data are in the JSON.
        header: the JSON of a request whose data follow as bytes, and `tail` those bytes.
        messages: the request as serialized ModelInferRequests: valid ones, and with shapes that are not.
    """

    plain: dict[str, Any]
    header: dict[str, Any]
    tail: bytes
    messages: tuple[bytes, ...]


def mutant(rng: random.Random, originals: Originals) -> Mutant:
    """Draw one."""
    kinds: tuple[Callable[[random.Random, Originals], Mutant], ...]
    kinds = (
        _json,
        _json,
        _json_bytes,
        _binary,
        _binary_length,
        _message,
        _noise,
        _nested,
        _twice,
        _coded,
        _chunks,
    )
    return rng.choice(kinds)(rng, originals)


def _json(rng: random.Random, originals: Originals) -> Mutant:
    return Mutant("HTTP", json.dumps(changed(rng, originals.plain)).encode())


def _json_bytes(rng: random.Random, originals: Originals) -> Mutant:
    return Mutant("HTTP", scrambled(rng, json.dumps(originals.plain).encode()))


def _binary(rng: random.Random, originals: Originals) -> Mutant:
    header = json.dumps(changed(rng, originals.header)).encode()
    tail = scrambled(rng, originals.tail) if rng.random() < 0.5 else originals.tail
    return Mutant("HTTP", header + tail, {HEADER_LENGTH: str(len(header))})


def _binary_length(rng: random.Random, originals: Originals) -> Mutant:
    header = json.dumps(originals.header).encode()
    lengths = ("-1", "0", "abc", "", str(2**63), str(len(header) - 1), str(len(header) + 1), "999999")
    return Mutant("HTTP", header + originals.tail, {HEADER_LENGTH: rng.choice(lengths)})


def _message(rng: random.Random, originals: Originals) -> Mutant:
    message = rng.choice(originals.messages)
    return Mutant("gRPC", scrambled(rng, message) if rng.random() < 0.7 else message)


def _nested(rng: random.Random, originals: Originals) -> Mutant:
    depth = rng.choice((10, 1000, 100_000))
    nested = b"[" * depth + b"]" * depth
    return Mutant("HTTP", rng.choice((nested, b'{"inputs":' + nested + b"}", b'{"a":' * depth)))


def _twice(rng: random.Random, originals: Originals) -> Mutant:
    """A name twice in an object, once written with an escape: parsers differ on which counts."""
    both = (json.dumps(changed(rng, originals.plain))[1:-1], json.dumps(originals.plain)[1:-1])
    first, second = rng.sample(both, 2)
    joined = first + (", " if first else "") + second.replace("inputs", "input\\u0073", rng.randrange(2))
    return Mutant("HTTP", f"{{{joined}}}".encode())


def _coded(rng: random.Random, originals: Originals) -> Mutant:
    """A body that is said to be compressed, and is or is not."""
    body = json.dumps(originals.plain).encode()
    zipped = (gzip.compress(content, mtime=0) for content in (body, bytes(10**6)))
    content = rng.choice((body, *zipped, zlib.compress(body)))
    return Mutant(
        "HTTP", content, {"Content-Encoding": rng.choice(("gzip", "deflate", "br", "x", "gzip, gzip"))}
    )


def _chunks(rng: random.Random, originals: Originals) -> Mutant:
    """A body in chunks of one byte."""
    body = json.dumps(originals.plain).encode() + b" " * rng.choice((0, 20_000))
    chunked = b"".join(b"1\r\n%c\r\n" % each for each in body) + b"0\r\n\r\n"
    return Mutant("HTTP", chunked, {"Transfer-Encoding": "chunked", "Connection": "close"})


def _noise(rng: random.Random, originals: Originals) -> Mutant:
    noise = rng.randbytes(rng.randrange(2000))
    headers = {HEADER_LENGTH: str(rng.randrange(3000))} if rng.random() < 0.3 else {}
    return Mutant(*rng.choice((("HTTP", noise, headers), ("gRPC", noise, {}))))


def changed(rng: random.Random, tree: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of a JSON object with one to three values replaced, removed or doubled."""
    root = copy.deepcopy(tree)
    for _ in range(rng.randint(1, 3)):
        holders = [each for each in _containers(root) if each]
        if not holders:
            break
        holder = rng.choice(holders)
        key: Any = rng.choice(list(holder)) if isinstance(holder, dict) else rng.randrange(len(holder))
        what = rng.random()
        if what < 0.7:
            holder[key] = copy.deepcopy(rng.choice(NASTY))
        elif what < 0.85:
            del holder[key]
        elif isinstance(holder, list):
            holder.insert(key, copy.deepcopy(holder[key]))
        else:
            holder[f"{key}2"] = copy.deepcopy(holder[key])
    return root


def _containers(tree: Any) -> list[Any]:
    if not isinstance(tree, dict | list):
        return []
    inner = tree.values() if isinstance(tree, dict) else tree
    return [tree, *(found for each in inner for found in _containers(each))]


def scrambled(rng: random.Random, content: bytes) -> bytes:
    """Return bytes with one to four of them changed, put in, cut off or repeated."""
    made = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(made) + 1)
        what = rng.randrange(4)
        if what == 0 and at < len(made):
            made[at] = rng.randrange(256)
        elif what == 1:
            made[at:at] = rng.randbytes(rng.randint(1, 8))
        elif what == 2:
            del made[at:]
        else:
            made += made[at : at + 64]
    return bytes(made)
