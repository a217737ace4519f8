"""`python -m neuron_serving.front.check [--shortcut]`: whether an image has what the front needs.

Run where an image is built: it imports the front, and HAProxy reads a configuration of the guard's.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from neuron_serving.front import guard, serving

EXAMPLE = guard.Shortcut(
    address="127.0.0.1:9000",
    model="example",
    inputs={"input_ids": ("INT64", (-1,), False), "attention_mask": ("INT64", (-1,), True)},
    outputs=("logits",),
)


def main(words: list[str]) -> int:
    """Return HAProxy's exit code."""
    assert callable(serving.serve)
    if not guard.is_there():
        print("There is no HAProxy: the front answers clients itself.")
        return 0
    with tempfile.TemporaryDirectory() as directory:
        shortcut = EXAMPLE if "--shortcut" in words else None
        command = guard.write(Path(directory), shortcut=shortcut, request_log=True)
        return subprocess.run([*command, "-c"], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
