"""What the base has of Neuron is seen from our environment, at its own versions."""

from importlib.metadata import version
from importlib.util import find_spec
from shutil import which

import google.protobuf
import torch
import torch_neuronx  # noqa: F401

assert torch.__file__.startswith("/opt/conda/"), torch.__file__
assert google.protobuf.__file__.startswith("/opt/conda/"), google.protobuf.__file__
assert version("torchvision") == "0.24.0", version("torchvision")
for read_with in ("sentence_transformers", "sentencepiece", "tiktoken", "timm"):
    assert find_spec(read_with), read_with
assert (which("neuronx-cc") or "").startswith("/opt/conda/"), which("neuronx-cc")
