"""Of how many pieces the file of a picture is made: its reader takes them one by one, however small they are,
and keeps what each says.

Sources: ITU-T T.81, annex B; the PNG specification, "Chunk layout".
"""

from neuron_serving.tensors import RefusedError

# A PNG of the largest size has 8,192 chunks where its writer makes them of 8 KiB, as most do.
MOST_PIECES = 16 * 1024
# Each scan of a progressive JPEG passes over all of the picture; encoders write ten.
MOST_SCANS = 64

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8"
_SCAN = b"\xff\xda"
# Markers that no length follows.
_BARE = frozenset({0x00, 0x01, *range(0xD0, 0xDA), 0xFF})


def check(content: bytes, index: int) -> None:
    """Raises RefusedError, which names the row, for a file of more pieces than any encoder writes."""
    scans = content.count(_SCAN) if content.startswith(_JPEG) else 0
    if scans > MOST_SCANS:
        raise RefusedError(
            f"Row {index} is a JPEG of {scans} scans, and {MOST_SCANS} are allowed: save it anew."
        )
    if _count(content) > MOST_PIECES:
        raise RefusedError(
            f"Row {index} is a picture of more than {MOST_PIECES} pieces of metadata or data: save it anew."
        )


def _count(content: bytes) -> int:
    """The pieces, as far as they are counted: one more than the most is enough."""
    if content.startswith(_PNG):
        return _chunks(content)
    return _segments(content) if content.startswith(_JPEG) else 0


def _chunks(content: bytes) -> int:
    place, count = len(_PNG), 0
    while place < len(content) and count <= MOST_PIECES:
        place += 12 + int.from_bytes(content[place : place + 4], "big")
        count += 1
    return count


def _segments(content: bytes) -> int:
    """The segments before the first scan; what lies between two of them is skipped byte by byte."""
    place, count = len(_JPEG), 0
    while count <= MOST_PIECES:
        found = content.find(b"\xff", place)
        if found < 0 or found + 2 > len(content) or content[found : found + 2] == _SCAN:
            break
        count += 1 + found - place
        if content[found + 1] in _BARE:
            place = found + (1 if content[found + 1] == 0xFF else 2)
        else:
            place = found + 2 + int.from_bytes(content[found + 2 : found + 4], "big")
    return count
