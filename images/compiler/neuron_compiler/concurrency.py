"""Several buckets compiled at a time, each in a process of its own, as far as the memory given allows.

Processes, because a compiler may end the one it runs in, and because Neuron's runtime survives no fork.
"""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from neuron_compiler.child import run
from neuron_compiler.progress import Progress

_BUCKET = (sys.executable, "-m", "neuron_compiler.bucket")
# A process takes some ten seconds to import torch and to read the model again.
_WORTH_SECONDS = 20.0


@dataclass(frozen=True)
class Memory:
    """Bytes: what the container may use (0: not known), what this process holds, and the most that it and
    what it started have held while they compiled the largest bucket.
    """

    limit: int
    held: int
    peak: int


def memory(environ: Mapping[str, str], status: Path = Path("/proc/self/status")) -> Memory:
    """The memory of this process and of the container, whose limit is MEMORY_LIMIT."""
    held = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS:"))
    peaks = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    limit = int(environ.get("MEMORY_LIMIT") or 0)
    return Memory(limit, 1024 * int(held.split()[1]), 1024 * sum(peaks))


def at_once(buckets: int, seconds: float, room: Memory, processors: int) -> int:
    """How many of the buckets that are left to compile at a time; `seconds` is what the largest one took.

    1 stands for one after another in this process, without starting others.
    """
    if seconds < _WORTH_SECONDS or room.peak <= 0:
        return 1
    return max(1, min(buckets, processors, (room.limit - room.held) // room.peak))


def compile_apart(
    source: Path,
    output: Path,
    backend: tuple[str, str],
    buckets: Sequence[str],
    workers: int,
    made: Progress,
    command: Iterable[str] = _BUCKET,
) -> None:
    """Compiles buckets by name with a backend's name and precision, so many at a time.

    Raises CompileError: the first failure, when those that were at work have ended; others are not begun.
    """
    name, precision = backend
    words = [*command, "--source", str(source), "--output", str(output)]
    words += ["--backend", name, "--precision", precision, "--threads-of", str(workers)]
    print(f"compile: {len(buckets)} buckets, {workers} at a time", flush=True)
    with ThreadPoolExecutor(max_workers=workers) as pool:
        started = [
            pool.submit(run, [*words, "--bucket", bucket], os.environ, own_group=False) for bucket in buckets
        ]
        try:
            for done in as_completed(started):
                done.result()
                made.advance(1)
        finally:
            pool.shutdown(cancel_futures=True)
