"""What the base has of Neuron is seen from our environment, at its own versions."""

from importlib.util import find_spec

import google.protobuf
import numpy
import torch
import torch_neuron  # noqa: F401

for package in (torch, google.protobuf, numpy):
    assert package.__file__.startswith("/opt/conda/"), package.__file__
for read_with in ("sentencepiece", "tiktoken", "timm"):
    assert find_spec(read_with), read_with
