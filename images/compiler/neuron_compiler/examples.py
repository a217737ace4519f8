"""Example inputs: what a model is traced and checked with."""

from __future__ import annotations

import torch

from neuron_compiler.tasks import Task, Tensors

_SEED = 20240229


def cases(task: Task, batch: int, sequence: int, dtype: torch.dtype) -> dict[str, Tensors]:
    """Inputs of shape [batch, sequence] by name: `full` has no padding, `padded` rows of different lengths.

    Tokens are drawn from the whole vocabulary, padding excepted; where the model tells two texts apart,
    each row is a pair. The same arguments give the same tensors.
    """
    generator = torch.Generator().manual_seed(_SEED + batch * 1_000_003 + sequence)
    full = [sequence] * batch
    # Every row keeps one token at least: a row of nothing but padding is never asked for.
    padded = [max(1, sequence * (row + 1) // (batch + 1)) for row in range(batch)]
    return {
        "full": _tensors(task, full, sequence, dtype, generator),
        "padded": _tensors(task, padded, sequence, dtype, generator),
    }


def _tensors(
    task: Task, lengths: list[int], sequence: int, dtype: torch.dtype, generator: torch.Generator
) -> Tensors:
    shape = (len(lengths), sequence)
    positions = torch.arange(sequence).expand(shape)
    ends = torch.tensor(lengths).unsqueeze(1)
    real = positions < ends
    pad = task.pad_values["input_ids"]
    tokens = torch.randint(0, task.vocabulary, shape, generator=generator)
    tokens = torch.where(tokens == pad, torch.full_like(tokens, (pad + 1) % task.vocabulary), tokens)
    values = {
        "input_ids": tokens,
        "attention_mask": torch.ones(shape, dtype=torch.int64),
        "token_type_ids": (positions >= ends // 2).to(torch.int64),
    }
    return tuple(
        torch.where(real, values[name], torch.full_like(tokens, task.pad_values[name])).to(dtype).contiguous()
        for name in task.inputs
    )
