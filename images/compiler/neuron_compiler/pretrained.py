"""How transformers is asked for a model's weights: in fp32, and never as pickled code. Its words have
changed."""

from __future__ import annotations

from typing import Any

import torch
import transformers

# The family neuron, whose torch is 1.13, has 4.46: there torch_dtype is the word, and a pickle may hold
# tensors alone whether it is said or not.
_SINCE = (4, 56)


def weights() -> dict[str, Any]:
    """The keywords of `from_pretrained`."""
    release = tuple(int(part) for part in transformers.__version__.split(".")[:2])
    if release < _SINCE:
        return {"torch_dtype": torch.float32}
    return {"dtype": torch.float32, "weights_only": True}
