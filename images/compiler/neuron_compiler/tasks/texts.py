"""Example texts as tensors: what a model on text is compiled and checked with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from neuron_compiler import checkpoint
from neuron_compiler.failure import CompileError
from neuron_compiler.tasks.task import Tensors

_SEED = 20240229
# Words, digits and another script: of one of them at least every vocabulary has a token.
_PROBE = "the cat, 12 \u6771\u4eac"


def check(tokenizer: Any, vocabulary: int, uri: str) -> None:
    """Raises CompileError for a tokenizer that makes no tokens of a text, or puts ones around it that the
    model does not know.
    """
    with checkpoint.reading(uri, "The tokenizer"):
        around = [int(each) for each in tokenizer("")["input_ids"]]
        count = len(tokenizer(_PROBE)["input_ids"])
    if count <= len(around):
        raise CompileError(
            "ModelUnreadable",
            f"The tokenizer of {uri} makes no tokens of a text: the files of its vocabulary are not those "
            f"that {type(tokenizer).__name__} reads; put tokenizer.json there.",
        )
    if beyond := [each for each in around if each >= vocabulary]:
        raise CompileError(
            "ModelUnreadable",
            f"The tokenizer of {uri} puts the token {tokenizer.convert_ids_to_tokens(beyond[0])} (number "
            f"{beyond[0]}) around every text, and the model knows {vocabulary}: they are of two models.",
        )


def cases(
    names: Sequence[str],
    vocabulary: int,
    pads: Mapping[str, int],
    batch: int,
    sequence: int,
    segments: int | None = None,
) -> dict[str, Tensors]:
    """INT64 inputs [batch, sequence] in the order of `names`: `full` has no padding, `alike` the same token
    everywhere, `padded` rows of different lengths.

    A trace is of one way through a model: one that takes another for other tokens (as experts are chosen in
    some) is caught by tokens that are all alike. Tokens are drawn from the whole vocabulary, padding
    excepted; where the model tells two texts apart (`segments` are the rows of its table of them, None where
    it does not say), each row is a pair. The same arguments give the same tensors.
    """
    generator = torch.Generator().manual_seed(_SEED + batch * 1_000_003 + sequence)
    full = [sequence] * batch
    # Every row keeps one token at least: a row of nothing but padding is never asked for.
    padded = [max(1, sequence * (row + 1) // (batch + 1)) for row in range(batch)]
    drawn = _tensors(names, vocabulary, pads, full, sequence, generator, segments)
    return {
        "full": drawn,
        "alike": tuple(
            (tensor[:1, :1].expand_as(tensor) if name == "input_ids" else tensor).clone().contiguous()
            for name, tensor in zip(names, drawn, strict=True)
        ),
        "padded": _tensors(names, vocabulary, pads, padded, sequence, generator, segments),
    }


def _tensors(
    names: Sequence[str],
    vocabulary: int,
    pads: Mapping[str, int],
    lengths: list[int],
    sequence: int,
    generator: torch.Generator,
    segments: int | None,
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
        "token_type_ids": (positions >= ends // 2).to(torch.int64) * (segments != 1),
    }
    return tuple(
        torch.where(real, values[name], torch.full_like(tokens, pads[name])).contiguous() for name in names
    )
