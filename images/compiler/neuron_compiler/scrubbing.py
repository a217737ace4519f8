"""Looking at a published artifact: whether its files are still those that were published."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from neuron_artifact import ArtifactCorrupt, ArtifactMissing, artifact_path, whole
from neuron_contract import variables

from neuron_compiler.failure import CompileError, storage_error

BYTES_PER_SECOND = 10_000_000
"""No more is read: those who serve from the same file system come first."""


def run(environ: Mapping[str, str], sleep: Callable[[float], None] = time.sleep) -> dict[str, Any]:
    """Reads all of the artifact DIGEST in STORE_PATH. Raises CompileError.

    A file system that fails is no damage: nothing is known of the files.
    """
    store, digest = Path(environ[variables.STORE_PATH]), environ[variables.DIGEST]
    directory = artifact_path(store, digest)
    try:
        # A store that is not there is a volume that is not: nothing is known either.
        next(store.iterdir(), None)
        pace = Pace(BYTES_PER_SECOND, sleep)
        whole(directory, digest, environ.get(variables.MANIFEST_SHA256) or None, pace.advance)
    except ArtifactMissing as missing:
        raise CompileError("ArtifactMissing", str(missing)) from missing
    except ArtifactCorrupt as corrupt:
        raise CompileError("ArtifactCorrupt", str(corrupt)) from corrupt
    except OSError as error:
        raise storage_error(error, store) from error
    print(f"scrub: {digest} is whole, {pace.done} bytes", flush=True)
    return {"outcome": "Whole", "digest": digest, "sizeBytes": pace.done}


class Pace:
    """Holds a reader to a number of bytes in a second, on average."""

    def __init__(self, rate: int, sleep: Callable[[float], None]) -> None:
        self.done = 0
        self._rate, self._sleep = rate, sleep
        self._begun = time.monotonic()

    def advance(self, size: int) -> None:
        """Takes note of bytes that were read, and waits until they are due."""
        self.done += size
        early = self.done / self._rate - (time.monotonic() - self._begun)
        if early > 0:
            self._sleep(early)
