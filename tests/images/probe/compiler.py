"""The compiler's packages and its own code, on this image's Python."""

import os
import subprocess
import sys
import tempfile
from importlib.metadata import version

import tokenizers  # noqa: F401
import torch
import transformers
from neuron_compiler import arguments, child, failure, message, pipeline, request  # noqa: F401

print(sys.version, torch.__version__, transformers.__version__, version("timm"))
assert sys.prefix == "/opt/venv", sys.prefix
# The command that needs no torch runs to its end, with its termination message.
with tempfile.TemporaryDirectory() as store:
    environ = {**os.environ, "STORE_PATH": store, "DIGEST": "0" * 32}
    done = subprocess.run(
        [sys.executable, "-m", "neuron_compiler", "collect"], env=environ, stdout=subprocess.PIPE, text=True
    )
assert done.returncode == 0, done.stdout
assert '"outcome":"Collected"' in done.stdout, done.stdout
