"""Where a compiler stands while it works."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def standing_in(directory: Path) -> Iterator[None]:
    """The compiler writes its log where the process stands: in a pod that is a read-only directory."""
    before = Path.cwd()
    os.chdir(directory)
    try:
        yield
    finally:
        os.chdir(before)
