"""The compiler's packages, and what of its own code needs no torch, on this image's Python."""

import sys
from importlib.metadata import version

import neuron_contract.reasons
import neuron_contract.request
import tokenizers  # noqa: F401
import torch
from neuron_compiler import arguments, failure, neuronfailure, request  # noqa: F401
from neuron_serving import cores, gate, neuronversions  # noqa: F401

print(sys.version, torch.__version__, version("transformers"), version("timm"))
assert sys.prefix == "/opt/venv", sys.prefix
assert failure.classify(RuntimeError("[NCC_EOOM001] exceeds")).reason == "DeviceOutOfMemory"
assert str(neuron_contract.reasons.ImageReason.CORES_BUSY.value) == "CoresBusy"
