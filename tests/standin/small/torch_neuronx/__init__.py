"""Stands in for torch_neuronx where only the recipe of an image is at stake: it finds its torch."""

import torch  # noqa: F401
