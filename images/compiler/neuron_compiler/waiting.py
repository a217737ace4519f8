"""The digest's lock, as a step of a Job takes it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from neuron_artifact import writer_lock

from neuron_compiler import clock


@contextmanager
def locked(work: Path, digest: str) -> Iterator[bool]:
    """Holds the lock as `writer_lock` does. To wait for it is told to the log, and is not the step's time."""
    with ExitStack() as waiting:

        def wait() -> None:
            print(f"publish: another compile of {digest} goes on; waiting for it", flush=True)
            waiting.enter_context(clock.paused())

        with writer_lock(work, wait) as alone:
            waiting.close()
            yield alone
