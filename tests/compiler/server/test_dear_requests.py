"""Requests that are well formed, small and dear: each is refused before it costs what it would."""

import io
import os
import struct
import subprocess
import sys
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from neuron_serving.doors import pieces
from neuron_serving.doors.decoding import decode
from neuron_serving.doors.options import OF_TASKS, options_of
from neuron_serving.front import forms, reading, wire
from neuron_serving.front.refusal import Refusal
from neuron_serving.limits import MAX_CONTAINERS, Limits
from neuron_serving.tensors import RefusedError
from PIL import Image

LARGE = 8 * 2**20
LIMITS = Limits(64, 8 * LARGE, LARGE, MAX_CONTAINERS, 6144, 384)
COMMAS = b"[" + b"," * 2 * MAX_CONTAINERS


@contextmanager
def cheaply(most: int = 5 * LARGE) -> Iterator[None]:
    """What is done inside takes no more memory than that, and little of the processor's time."""
    tracemalloc.start()
    begun = time.thread_time()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < most
    assert time.thread_time() - begun < 10


@pytest.mark.parametrize(
    "body",
    [
        COMMAS + b'"' + b'\\"' * 200_000,
        COMMAS + b'"' + b"a" * (LARGE - len(COMMAS) - 1),
        COMMAS + b'"' + b"\\\\" * 1_000_000 + b'"]',
        b"[" + b'"",' * (LARGE // 3 - 1) + b'""]',
    ],
    ids=["quotes that never end", "one long text", "backslashes", "empty texts"],
)
def test_values_of_json_are_counted_in_a_time_that_its_size_alone_decides(body: bytes) -> None:
    with cheaply(), pytest.raises(Refusal, match="JSON may hold"):
        reading.document(body, LIMITS)


def test_what_is_in_texts_is_no_value() -> None:
    text = '{"' + "[,{" * MAX_CONTAINERS + '\\" \\\\'
    assert reading.document(f'["{text[2:]}"]'.encode(), LIMITS) == ["[,{" * MAX_CONTAINERS + '" \\']


def test_a_form_in_one_line_is_short() -> None:
    with cheaply(), pytest.raises(Refusal, match="A form in one line may have"):
        forms.urlencoded(b"text=" + b"%41" * (LARGE // 3))


def test_the_parts_of_a_form_have_few_headers() -> None:
    body = b"--x\r\n" + b"a:b\r\n" * (LARGE // 5) + b"\r\n\r\n--x--"
    with cheaply(), pytest.raises(Refusal, match="bytes of headers"):
        forms.multipart(body, "multipart/form-data; boundary=x")


@pytest.mark.parametrize("given", [["a"] * 10_000, ",".join("a" * 10_000), "a," * LARGE])
def test_labels_to_ignore_are_few(given: object) -> None:
    with cheaply(), pytest.raises(RefusedError, match="ignore_labels"):
        options_of({"ignore_labels": given}, OF_TASKS["token-classification"])


def field(number: int, content: bytes) -> bytes:
    size, rest = b"", len(content)
    while rest > 0x7F:
        size, rest = size + bytes([rest & 0x7F | 0x80]), rest >> 7
    return bytes([number << 3 | 2]) + size + bytes([rest]) + content


@pytest.mark.parametrize(
    "message",
    [
        field(5, b"") * LARGE,
        field(6, b"") * LARGE,
        field(4, b"") * LARGE,
        field(7, b"") * LARGE,
        b"\xfa\x07\x00" * LARGE,
        field(5, field(3, b"\x01" * LARGE)),
        field(5, field(5, field(3, b"\x01" * LARGE))),
        field(5, field(5, field(8, b"") * LARGE)),
        field(5, field(5, b"\x18\x01" * LARGE)),
        field(5, field(5, field(3, b"")) * 5000),
        b"\x0b" * LARGE,
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\x0a",
    ],
    ids=[
        "inputs", "outputs", "parameters", "raw contents", "unknown fields", "dimensions", "packed numbers",
        "texts", "numbers", "contents of one input", "groups", "a length beyond all", "a length cut off",
    ],
)  # fmt: skip
def test_a_message_is_not_decoded_where_it_has_more_fields_than_any_needs(message: bytes) -> None:
    with cheaply(), pytest.raises(Refusal):
        wire.check(message, MAX_CONTAINERS)


def test_a_message_within_the_bounds_is_let_through() -> None:
    texts = field(5, field(1, b"text") + field(5, field(8, b"a" * 100_000) * 64))
    packed = field(5, field(1, b"ids") + field(3, b"\x01\x40") + field(5, field(3, b"\x01" * 64)))
    for message in (texts + field(1, b"tiny"), field(1, b"tiny") + packed, field(7, b"\0" * LARGE)):
        wire.check(message, MAX_CONTAINERS)
    assert wire.model_name(texts + field(1, b"tiny")) == "tiny"


def file(form: str, **options: bool) -> bytes:
    stream = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").save(stream, form, **options)
    return stream.getvalue()


def png(*chunks: bytes) -> bytes:
    content = file("PNG")
    end = content.index(b"IEND") - 4
    return content[:end] + b"".join(chunks) + content[end:]


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def jpeg(segments: bytes) -> bytes:
    content = file("JPEG")
    return content[:2] + segments + content[2:]


def scans(count: int) -> bytes:
    content = file("JPEG", progressive=True)
    begin, end = content.rindex(b"\xff\xc4"), content.rindex(b"\xff\xd9")
    return content[:end] + content[begin:end] * count + content[end:]


@pytest.mark.parametrize(
    "made",
    [
        lambda: png(chunk(b"prVt", b"") * 100_000),
        lambda: png(*(chunk(b"fcTL", bytes(26)) + chunk(b"fdAT", bytes(4)) for _ in range(50_000))),
        lambda: jpeg(b"\xff\xe5\0\2" * 100_000),
        lambda: jpeg(b"\xff\xfe\0\2" * 100_000),
        lambda: jpeg(b"\xff" * 1_000_000),
        lambda: jpeg(b"\xff\x00" * 1_000_000),
        lambda: jpeg(b"\0" * 1_000_000),
        lambda: scans(200),
    ],
    ids=["chunks", "frames", "segments", "comments", "filling", "padding", "nothing", "scans"],
)
def test_a_picture_of_very_many_pieces_is_refused(made: Callable[[], bytes]) -> None:
    content = made()
    with cheaply(), pytest.raises(RefusedError, match="save it anew"):
        decode(content, 0)


def test_a_picture_of_as_many_pieces_as_encoders_write_is_read() -> None:
    assert pieces.MOST_PIECES >= 64 * 2**20 // 8192
    for content in (scans(10), jpeg(b"\xff\xff\xff\xe5\0\2" * 1000), png(chunk(b"prVt", b"a") * 1000)):
        assert decode(content, 0).size == (256, 256)


def test_what_is_odd_in_a_pictures_metadata_is_not_written_to_the_log(tmp_path: Path) -> None:
    entries = b"".join(struct.pack("<HHII", tag, 7, 2**20, 8) for tag in range(2000))
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 2000) + entries + bytes(4)
    (tmp_path / "odd.jpg").write_bytes(jpeg(b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif))
    # Pytest has filters of its own for what is warned of.
    program = (
        "import sys; from neuron_serving.doors.decoding import decode; decode(sys.stdin.buffer.read(), 0)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with (tmp_path / "odd.jpg").open("rb") as content:
        done = subprocess.run(
            [sys.executable, "-c", program],
            stdin=content,
            stderr=subprocess.PIPE,
            env=environment,
            check=True,
            timeout=300,
        )
    assert done.stderr == b""
