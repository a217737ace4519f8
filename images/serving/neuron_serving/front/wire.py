"""A message of gRPC before it is decoded: an empty field of two bytes may become an object of a hundred.

Source: protobuf.dev, "Encoding".
"""

from collections.abc import Iterator

from neuron_serving.front.refusal import TOO_LARGE, Refusal, invalid

# Fields of a message beside its values: inputs, outputs and parameters, with what they have.
MOST_FIELDS = 4096
_BYTES, _SIZES = 2, {1: 8, 5: 4}
# ModelInferRequest: the name of the model, and inputs; their shape and contents; and of those, texts.
_NAME, _INPUTS, _SHAPE, _CONTENTS, _TEXTS = 1, 5, 3, 5, 8
_LONGEST_NUMBER = 10
_SHAPE_BYTES = 1024

_NO_MESSAGE = "The request is no message of the Open Inference Protocol."


def model_name(message: bytes) -> str:
    """Return the name of the model that is asked. Raises Refusal for what is no message."""
    name = b""
    for number, found in _few(memoryview(message), MOST_FIELDS):
        if number == _NAME:
            name = bytes(found)
    return name.decode("utf-8", "replace")


def check(message: bytes, values: int) -> None:
    """Raises Refusal where a request has more fields than any needs, or may hold more than so many values."""
    others = numbers = 0
    for number, found in _few(memoryview(message), MOST_FIELDS):
        if number != _INPUTS:
            continue
        for inner, held in _few(found, MOST_FIELDS - others):
            others += 1
            if inner == _SHAPE and len(held) > _SHAPE_BYTES:
                raise invalid("The shape of an input has too many dimensions.")
            if inner != _CONTENTS:
                continue
            for kind, packed in _few(held, values - numbers):
                numbers += 1
                if kind != _TEXTS and len(packed) > values * _LONGEST_NUMBER:
                    raise _too_many(values)


def _few(message: memoryview, most: int) -> Iterator[tuple[int, memoryview]]:
    for count, field in enumerate(_walk(message)):
        if count >= most:
            raise _too_many(most)
        yield field


def _too_many(most: int) -> Refusal:
    return Refusal(TOO_LARGE, f"A message may hold {most} values and fields here: send fewer rows.")


def _walk(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Each field's number, and its bytes where it has a length."""
    place = 0
    while place < len(message):
        tag, place = _number(message, place)
        kind, end = tag & 7, 0
        if kind == 0:
            _, end = _number(message, place)
        elif kind == _BYTES:
            size, place = _number(message, place)
            end = place + size
        elif kind in _SIZES:
            end = place + _SIZES[kind]
        else:
            raise invalid(_NO_MESSAGE)
        if end > len(message):
            raise invalid(_NO_MESSAGE)
        yield tag >> 3, message[place:end] if kind == _BYTES else message[:0]
        place = end


def _number(message: memoryview, place: int) -> tuple[int, int]:
    """A number of seven bits a byte, and where it ends."""
    value = 0
    for shift in range(0, 7 * _LONGEST_NUMBER, 7):
        if place >= len(message):
            break
        value |= (message[place] & 0x7F) << shift
        place += 1
        if message[place - 1] < 0x80:
            return value, place
    raise invalid(_NO_MESSAGE)
