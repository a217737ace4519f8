"""Bodies of /predictions that are no JSON by name: forms, as `curl -F` and `curl -d` send them.

Source: RFC 7578, multipart/form-data.
"""

from email.message import Message
from email.parser import BytesParser
from urllib.parse import parse_qsl

from neuron_serving.front.refusal import TOO_LARGE, Refusal, invalid

MULTIPART, URLENCODED = "multipart/form-data", "application/x-www-form-urlencoded"
# TorchServe's names of a form's only field.
WHOLE = frozenset({"data", "body"})
FIELDS = frozenset({"text", "text_pair"})
_MOST_FIELDS = 8
# The headers of one part; what they say besides its name is not read.
_HEAD_BYTES = 4 * 1024
# Of a form in one line: each character may be written as three, and is an object each while it is read.
_LINE_BYTES = 1024 * 1024


def multipart(body: bytes, content_type: str) -> dict[str, bytes]:
    """Return the fields of a form in parts. Raises Refusal."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1", "replace")
    boundary = _boundary(head)
    if not boundary or body.count(b"--" + boundary) > _MOST_FIELDS + 1:
        raise invalid(f"The form has no boundary, or more than {_MOST_FIELDS} fields.")
    fields: dict[str, bytes] = {}
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary)
    for piece in pieces[1:-1]:
        text, found, content = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        if len(text) > _HEAD_BYTES:
            raise invalid(f"A part of the form has more than {_HEAD_BYTES} bytes of headers.")
        name = (
            BytesParser().parsebytes(text, headersonly=True).get_param("name", header="content-disposition")
        )
        if not found or not isinstance(name, str) or name in fields:
            raise invalid("The form has a part without a name, or a name twice.")
        fields[name] = content
    if len(pieces) < 3 or not pieces[-1].startswith(b"--"):
        raise invalid("The form has no field, or no end.")
    return fields


def _boundary(head: bytes) -> bytes:
    message: Message = BytesParser().parsebytes(head, headersonly=True)
    return (message.get_boundary() or "").encode("latin-1", "replace")


def urlencoded(body: bytes) -> dict[str, bytes] | None:
    """Return the fields of a form in one line; None where it is none: curl calls every body so.

    Raises Refusal.
    """
    if not body.startswith(tuple(f"{name}=".encode() for name in FIELDS | WHOLE)):
        return None
    if len(body) > _LINE_BYTES:
        raise Refusal(
            TOO_LARGE, f"A form in one line may have {_LINE_BYTES} bytes: send JSON, or a form in parts."
        )
    try:
        pairs = parse_qsl(
            body.decode(),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=_MOST_FIELDS,
        )
    except (ValueError, UnicodeDecodeError):
        return None
    fields = {name: value.encode() for name, value in pairs}
    return fields if len(fields) == len(pairs) and set(fields) <= FIELDS | WHOLE else None


def may_be_json(body: bytes) -> bool:
    """Whether a body of which nobody said what it is looks like fields, or a list of texts, in JSON."""
    text = body.strip()
    return (text[:1], text[-1:]) in ((b"{", b"}"), (b"[", b"]")) and b'"' in text
