"""`python frontprocess.py DIRECTORY NAME PORT...`: the front before an engine in the same process.

A stand-in for a runtime that computes at once; the guard, with the ports it is given, is the real one.
"""

import asyncio
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from neuron_artifact import read_manifest
from neuron_serving.counting import CountingEngine
from neuron_serving.front import guard
from neuron_serving.front.models import opened
from neuron_serving.front.serving import serve
from neuron_serving.loading import load
from neuron_serving.tensors import Array


class Here:
    """The engine of an artifact, one call after the other."""

    def __init__(self, engine: CountingEngine) -> None:
        self._engine, self._turn = engine, asyncio.Lock()

    async def compute(self, tensors: Mapping[str, Array], request_id: str) -> dict[str, Array]:
        """The outputs of one call."""
        async with self._turn:
            (answer,), _ = await asyncio.to_thread(self._engine.run, [tensors])
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def ready(self) -> bool:
        """It is."""
        return True

    async def alive(self) -> bool:
        """It is."""
        return True


def main(directory: Path, name: str, ports: guard.Ports, *, guarded: bool) -> int:
    """Serve until a signal."""
    manifest = read_manifest(directory)
    models = opened(name, directory, manifest, Here(CountingEngine(load(directory, manifest, {}, 1))))
    with tempfile.TemporaryDirectory() as written:
        words = guard.write(Path(written), ports, request_log=True) if guarded else None
        return asyncio.run(serve(models, words, ports))


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[3:9]]
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], guard.Ports(*numbers), guarded="unguarded" not in sys.argv))
