"""sentence-transformers' CrossEncoder: scores of pairs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import sentence_transformers
import torch
from sentence_transformers import CrossEncoder

from neuron_compiler.answers import texts
from neuron_compiler.answers.example import Example
from neuron_compiler.answers.expected import Classes, Expected
from neuron_compiler.request import Request


class Pairs:
    """A model that sentence-transformers saved to score pairs."""

    name = f"sentence-transformers {sentence_transformers.__version__}"

    def __init__(self, request: Request, directory: Path) -> None:
        self._model = CrossEncoder(
            str(directory),
            device="cpu",
            trust_remote_code=request.model.trust_remote_code,
            local_files_only=True,
            model_kwargs={"dtype": torch.float32},
        )
        self._own_limit = self._model.max_seq_length
        self._lengths = request.options.sequence_lengths

    def examples(self) -> list[Example]:
        """The pairs that suit the tokenizer and the lengths that are compiled."""

        def count(text: str, pair: str | None) -> int:
            given = text if pair is None else (text, pair)
            return len(self._model.preprocess([given])["input_ids"][0])

        specials = [str(token) for token in self._model.tokenizer.all_special_tokens]
        return texts.examples(self._lengths, count, specials, None, "Needed")

    def answer(self, example: Example, row: int) -> Expected:
        """The scores of one pair; of several labels that stay plain, the probabilities that transformers'
        pipeline makes of them.
        """
        longest = max(self._lengths)
        if example.truncation:
            self._model.max_seq_length = min(self._own_limit or longest, longest)
        try:
            found = np.atleast_1d(self._model.predict([example.texts(row)], show_progress_bar=False)[0])
        finally:
            self._model.max_seq_length = self._own_limit
        names = tuple(str(name) for _, name in sorted(self._model.config.id2label.items()))
        if len(found) > 1 and isinstance(self._model.activation_fn, torch.nn.Identity):
            found = torch.tensor(found).softmax(-1).numpy()
        return Classes(names, np.asarray(found, dtype=np.float32))
