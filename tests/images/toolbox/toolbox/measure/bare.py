"""`python -m toolbox.measure.bare MODEL OUTPUT`: load, compile with the one backend of COMPILE_REQUEST, save.

What somebody would write by hand: no fetching, no checks, no store.
"""

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from neuron_compiler import backends
from neuron_compiler.request import parse
from transformers import AutoModel

SEQUENCE = 128


class Features(torch.nn.Module):  # type: ignore[misc]
    """The last hidden state alone."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor]:
        return (self.model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state,)


def main(words: list[str]) -> None:
    model, output = map(Path, words)
    with tempfile.TemporaryDirectory() as scratch:
        (backend,) = backends.candidates(parse(os.environ["COMPILE_REQUEST"]), Path(scratch))
        chosen = {"attn_implementation": backend.attention} if backend.attention else {}
        module = Features(AutoModel.from_pretrained(model, **chosen)).eval()
        ids = torch.arange(5, 5 + SEQUENCE).reshape(1, SEQUENCE)
        backend.compile(module, (ids, torch.ones_like(ids)), output / f"model{backend.suffix}")


if __name__ == "__main__":
    main(sys.argv[1:])
