"""Stands in for torch_neuron where only the recipe of an image is at stake: it finds its torch."""

import torch  # noqa: F401
