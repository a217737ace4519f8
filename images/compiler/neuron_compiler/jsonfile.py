"""Reading JSON that somebody else has written: of bounded size, and with one kind of error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

MOST_BYTES = 32 << 20
"""The largest index of a sharded model that is known has 9 MB."""


def loads(text: str | bytes) -> Any:
    """What the JSON says. Raises ValueError for everything that is none, also for what nests without end."""
    if len(text) > MOST_BYTES:
        raise ValueError(f"it has more than {MOST_BYTES} bytes")
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it nests too deeply") from None


def read(path: Path) -> Any:
    """What a file says. Raises ValueError as `loads` does, and OSError."""
    return loads(content(path))


def content(path: Path) -> bytes:
    """As much of a file as `loads` reads, and a byte more where there is more. Raises OSError."""
    with path.open("rb") as file:
        return file.read(MOST_BYTES + 1)
