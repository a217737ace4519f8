"""Attention masks that can be traced.

transformers 4 makes them with torch.vmap, under a mode that turns an index into a function of autograd:
neither can be in a traced graph, so that no decoder could be compiled. transformers 5 makes the same masks by
broadcasting. Source: huggingface/transformers, masking_utils.py of 4.57 and 5.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import torch

MaskFunction = Callable[[torch.Tensor | None, torch.Tensor | None, torch.Tensor, torch.Tensor], torch.Tensor]
_VMAP, _MODE = "_vmap_for_bhqkv", "TransformGetItemToIndex"


def make_traceable() -> None:
    """Have transformers 4.53 to 4.57 broadcast their masks, for this process; no other release needs it."""
    try:
        from transformers import masking_utils
    except ImportError:
        return
    if hasattr(masking_utils, _VMAP) and hasattr(masking_utils, _MODE):
        setattr(masking_utils, _VMAP, broadcast)
        setattr(masking_utils, _MODE, contextlib.nullcontext)


def broadcast(mask_function: MaskFunction, bh_indices: bool = True) -> MaskFunction:
    """A function of the indices of rows, heads, queries and keys (1-D, int64) that gives the boolean mask of
    all of them, [rows, heads, queries, keys]; without `bh_indices` that of queries and keys alone.
    """

    def whole(
        rows: torch.Tensor | None, heads: torch.Tensor | None, queries: torch.Tensor, keys: torch.Tensor
    ) -> torch.Tensor:
        if not bh_indices or rows is None or heads is None:
            mask = mask_function(rows, heads, queries[:, None], keys[None, :])
            return mask.expand(len(queries), len(keys))
        mask = mask_function(
            rows[:, None, None, None],
            heads[None, :, None, None],
            queries[None, None, :, None],
            keys[None, None, None, :],
        )
        return mask.expand(len(rows), len(heads), len(queries), len(keys))

    return whole
