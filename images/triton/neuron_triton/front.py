"""`python -m neuron_triton.front DIRECTORY`: the front of tritonserver, for the artifact there."""

import asyncio
import logging
import os
import sys
from pathlib import Path

from neuron_artifact import Manifest, read_manifest
from neuron_serving import settings
from neuron_serving.front import guard
from neuron_serving.front.models import opened
from neuron_serving.front.serving import serve
from neuron_serving.tensornames import OPTIONAL

from neuron_triton.command import HTTP_PORT
from neuron_triton.tritonserver import Tritonserver

GUARD = Path("/tmp/guard")


def main(directory: Path) -> int:
    """Serve until a signal; the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    configured = settings.parse(os.environ, settings.visible_cpus())
    manifest = read_manifest(directory)
    address = f"127.0.0.1:{HTTP_PORT}"
    words = guard.write(
        GUARD, shortcut=shortcut(configured.model_name, manifest, address), request_log=configured.request_log
    )
    return asyncio.run(answer(configured.model_name, directory, manifest, address, words))


async def answer(
    name: str,
    directory: Path,
    manifest: Manifest,
    address: str,
    words: list[str],
    ports: guard.Ports | None = None,
) -> int:
    """Answer for a tritonserver at an address behind the guard whose command line is given."""
    async with Tritonserver(name, manifest, address) as backend:
        return await serve(opened(name, directory, manifest, backend), words, ports)


def shortcut(name: str, manifest: Manifest, address: str) -> guard.Shortcut:
    """What the guard must know to let plain requests of tensors through to tritonserver."""
    return guard.Shortcut(
        address=address,
        model=name,
        inputs={
            tensor.name: (
                tensor.dtype,
                tuple(dim if isinstance(dim, int) else -1 for dim in tensor.dims),
                tensor.name in OPTIONAL,
            )
            for tensor in manifest.inputs
        },
        outputs=tuple(tensor.name for tensor in manifest.outputs),
    )


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
