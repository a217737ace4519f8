"""Token features of a served model against transformers in eager mode, here."""

from pathlib import Path
from typing import Any

import numpy as np

from toolbox.ask import Array, Door, largest_difference, served
from toolbox.report import table

TEXTS = ("Hello.", "The compiled model must say what the original says.")


def check(
    doors: tuple[Door, ...], model: str, reference: Path, texts: list[str], tolerance: float
) -> list[str]:
    """Compare over every door and print a table; return what is wrong, in words.

    Texts are asked one by one, at the exact length of every bucket, and as one padded batch. Differences are
    relative to the largest feature, as those of the parity gate.
    """
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(reference)
    eager = AutoModel.from_pretrained(reference, attn_implementation="eager").eval()
    public = served(doors[0], model)
    rows, failures = [], []
    for what, tensors in questions(tokenizer, public.lengths, texts or list(TEXTS)).items():
        expected = features(eager, tensors)
        asked = {name: tensor for name, tensor in tensors.items() if name in public.inputs}
        seen = tensors["attention_mask"] == 1
        for door in doors:
            (answer,) = door.ask(model, asked).values()
            if answer.shape != expected.shape:
                failures.append(
                    f"{what} over {door.protocol}: shape {answer.shape}, expected {expected.shape}"
                )
                continue
            largest = float(np.abs(expected[seen]).max())
            difference = largest_difference(answer[seen], expected[seen]) / largest
            rows.append((what, door.protocol, str(list(answer.shape)), f"{difference:.1e}"))
            if not difference <= tolerance:
                failures.append(f"{what} over {door.protocol}: off by {difference:.1e}")
    print(table(("text", "protocol", "features", "largest relative difference"), rows))
    return failures


def questions(tokenizer: Any, lengths: tuple[int, ...], texts: list[str]) -> dict[str, dict[str, Array]]:
    """Return input tensors [batch, sequence] by a name for each question."""
    longest = lengths[-1]
    asked = {
        f"{text[:24]!r}": tokens(tokenizer, [text], truncation=True, max_length=longest) for text in texts
    }
    for length in lengths:
        filling = {"truncation": True, "max_length": length}
        asked[f"{length} tokens"] = tokens(tokenizer, [" ".join(texts * length)], **filling)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    asked[f"{len(texts)} texts padded"] = tokens(
        tokenizer, texts, padding=True, truncation=True, max_length=longest
    )
    return asked


def tokens(tokenizer: Any, texts: list[str], **options: Any) -> dict[str, Array]:
    """Return the tokenizer's tensors as int64 [batch, sequence], by name."""
    return {
        name: tensor.astype(np.int64)
        for name, tensor in tokenizer(texts, return_tensors="np", **options).items()
    }


def features(eager: Any, tensors: dict[str, Array]) -> Array:
    """Return the last hidden state [batch, sequence, hidden] as fp32."""
    import torch

    with torch.inference_mode():
        output = eager(**{name: torch.from_numpy(tensor) for name, tensor in tensors.items()})
    found: Array = output.last_hidden_state.numpy()
    return found
