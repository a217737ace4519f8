"""Example texts as tensors: what a model on text is compiled and checked with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from neuron_compiler.tasks.task import Tensors

_SEED = 20240229


def cases(
    names: Sequence[str], vocabulary: int, pads: Mapping[str, int], batch: int, sequence: int
) -> dict[str, Tensors]:
    """INT64 inputs [batch, sequence] in the order of `names`: `full` has no padding, `padded` rows of
    different lengths.

    Tokens are drawn from the whole vocabulary, padding excepted; where the model tells two texts apart, each
    row is a pair. The same arguments give the same tensors.
    """
    generator = torch.Generator().manual_seed(_SEED + batch * 1_000_003 + sequence)
    full = [sequence] * batch
    # Every row keeps one token at least: a row of nothing but padding is never asked for.
    padded = [max(1, sequence * (row + 1) // (batch + 1)) for row in range(batch)]
    return {
        "full": _tensors(names, vocabulary, pads, full, sequence, generator),
        "padded": _tensors(names, vocabulary, pads, padded, sequence, generator),
    }


def _tensors(
    names: Sequence[str],
    vocabulary: int,
    pads: Mapping[str, int],
    lengths: list[int],
    sequence: int,
    generator: torch.Generator,
) -> Tensors:
    shape = (len(lengths), sequence)
    positions = torch.arange(sequence).expand(shape)
    ends = torch.tensor(lengths).unsqueeze(1)
    real = positions < ends
    pad = pads["input_ids"]
    tokens = torch.randint(0, vocabulary, shape, generator=generator)
    tokens = torch.where(tokens == pad, torch.full_like(tokens, (pad + 1) % vocabulary), tokens)
    values = {
        "input_ids": tokens,
        "attention_mask": torch.ones(shape, dtype=torch.int64),
        "token_type_ids": (positions >= ends // 2).to(torch.int64),
    }
    return tuple(
        torch.where(real, values[name], torch.full_like(tokens, pads[name])).contiguous() for name in names
    )
