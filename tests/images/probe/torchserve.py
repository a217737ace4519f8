"""TorchServe's Java answers, and the protocol's server and our front can be imported."""

import subprocess
import sys
from importlib.metadata import version

import kserve  # noqa: F401

# kserve reads the command line of whoever imports it.
sys.argv = sys.argv[:1]
from neuron_torchserve import archive, bounds, server, wire  # noqa: E402, F401

assert version("torchserve") == "0.12.0", version("torchserve")
subprocess.run(["torchserve", "--version"], check=True)
