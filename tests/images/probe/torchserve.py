"""TorchServe's Java answers, and what is before it can be imported."""

import subprocess
from importlib.metadata import version

from neuron_serving.front import serving  # noqa: F401
from neuron_torchserve import archive, server, wire, workers  # noqa: F401

assert version("torchserve") == "0.12.0", version("torchserve")
subprocess.run(["torchserve", "--version"], check=True)
