"""Masks made by broadcasting are those that torch.vmap makes, and can be traced."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from neuron_compiler.tasks.masks import broadcast
from transformers import masking_utils

ROWS, LENGTH = 2, 7
PADDING = torch.tensor([[1] * 7, [1] * 4 + [0] * 3], dtype=torch.bool)


def causal(row: Any, head: Any, query: Any, key: Any) -> Any:
    return masking_utils.causal_mask_function(row, head, query, key)


def padded(row: Any, head: Any, query: Any, key: Any) -> Any:
    return causal(row, head, query, key) & PADDING[row, key]


def sliding(row: Any, head: Any, query: Any, key: Any) -> Any:
    return padded(row, head, query, key) & (key > query - 3)


def everything(row: Any, head: Any, query: Any, key: Any) -> Any:
    return query.new_ones((), dtype=torch.bool)


def by_vmap(mask_function: Callable[..., Any]) -> torch.Tensor:
    """The mask as transformers 4 makes it."""
    for dims in ((None, None, None, 0), (None, None, 0, None), (None, 0, None, None), (0, None, None, None)):
        mask_function = torch.vmap(mask_function, in_dims=dims, out_dims=0)
    with masking_utils.TransformGetItemToIndex():
        mask: torch.Tensor = mask_function(*indices())
    return mask


def indices() -> tuple[torch.Tensor, ...]:
    return torch.arange(ROWS), torch.arange(1), torch.arange(LENGTH), torch.arange(LENGTH)


@pytest.mark.parametrize("pattern", [causal, padded, sliding, everything])
def test_a_mask_by_broadcasting_is_that_of_vmap(pattern: Callable[..., Any]) -> None:
    found = broadcast(pattern)(*indices())
    assert found.shape == (ROWS, 1, LENGTH, LENGTH)
    assert torch.equal(found, by_vmap(pattern))


def test_a_mask_of_queries_and_keys_alone_has_no_rows_and_heads() -> None:
    _, _, queries, keys = indices()
    found = broadcast(causal, bh_indices=False)(None, None, queries, keys)
    assert torch.equal(found, by_vmap(causal)[0, 0])


def test_such_a_mask_can_be_traced_and_saved(tmp_path: Any) -> None:
    class Masked(torch.nn.Module):  # type: ignore[misc]
        def forward(self, padding: torch.Tensor) -> torch.Tensor:
            def pattern(row: Any, head: Any, query: Any, key: Any) -> Any:
                return causal(row, head, query, key) & padding[row, key]

            return broadcast(pattern)(*indices())

    traced = torch.jit.trace(Masked(), PADDING)
    traced.save(str(tmp_path / "masked.pt"))
    other = PADDING.flip(0)
    assert torch.equal(torch.jit.load(str(tmp_path / "masked.pt"))(other), Masked()(other))
