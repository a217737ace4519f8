"""sentence-transformers: the whole chain of a model's modules, as its own package runs it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import sentence_transformers
import torch
from sentence_transformers import SentenceTransformer

from neuron_compiler.answers import texts
from neuron_compiler.answers.example import Example
from neuron_compiler.answers.expected import Expected, TokenVectors, Vector
from neuron_compiler.request import Request


class Sentences:
    """A model that sentence-transformers saved."""

    name = f"sentence-transformers {sentence_transformers.__version__}"

    def __init__(self, request: Request, directory: Path) -> None:
        self._model = SentenceTransformer(
            str(directory),
            device="cpu",
            trust_remote_code=request.model.trust_remote_code,
            local_files_only=True,
            model_kwargs={"dtype": torch.float32},
        )
        self._model.eval()
        self._own_limit = self._model.max_seq_length
        self._lengths = request.options.sequence_lengths
        self._prompt = self._model.prompts.get(self._model.default_prompt_name or "")
        kinds = {type(module).__name__ for module in self._model}
        self._pools = bool(kinds & {"Pooling", "WeightedLayerPooling", "CNN", "LSTM"})

    def examples(self) -> list[Example]:
        """The texts that suit the tokenizer and the lengths that are compiled."""
        tokenizer = self._model.tokenizer
        specials = [str(token) for token in tokenizer.all_special_tokens]

        def count(text: str, pair: str | None) -> int:
            return len(self._model.preprocess([text], prompt=self._prompt)["input_ids"][0])

        return texts.examples(self._lengths, count, specials, None, "None")

    def answer(self, example: Example, row: int) -> Expected:
        """The model's vector of one text, with the prompt and the cut that the model has by itself."""
        text, _ = example.texts(row)
        longest = max(self._lengths)
        if example.truncation:
            self._model.max_seq_length = min(self._own_limit or longest, longest)
        try:
            kind = "sentence_embedding" if self._pools else "token_embeddings"
            (found,) = self._model.encode(
                [text], output_value=kind, convert_to_numpy=self._pools, show_progress_bar=False
            )
        finally:
            self._model.max_seq_length = self._own_limit
        values = np.asarray(found, dtype=np.float32)
        return Vector(values) if values.ndim == 1 else TokenVectors(values)
