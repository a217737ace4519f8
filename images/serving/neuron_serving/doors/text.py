"""The door for texts: tokenizes with the model's own tokenizer, and has the task's head make answers."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from neuron_artifact import Manifest
from tokenizers import Encoding, Tokenizer

from neuron_serving.doors import heads
from neuron_serving.doors.door import Part, Question
from neuron_serving.doors.face import TEXT, Face, Public
from neuron_serving.doors.rows import texts_of
from neuron_serving.tensornames import SEQUENCE
from neuron_serving.tensors import Array, RefusedError

_FIELDS = {"input_ids": "ids", "attention_mask": "attention_mask", "token_type_ids": "type_ids"}


@dataclass(frozen=True)
class _Context:
    encodings: Sequence[Encoding]
    texts: Sequence[str]
    pairs: Sequence[str] | None


class TextDoor:
    """Takes `text` and, where it is given, `text_pair`, both BYTES [batch, 1] in UTF-8.

    For question-answering `text` is the question and `text_pair`, which it needs, the context.
    """

    def __init__(self, directory: Path, manifest: Manifest) -> None:
        """Reads the tokenizer of an artifact."""
        files = directory / "tokenizer"
        self._tokenizer = Tokenizer.from_file(str(files / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._lengths = sorted({bucket.axes[SEQUENCE] for bucket in manifest.buckets})
        # A tokenizer that truncates is another one: the setting is its own, not the call's.
        self._truncating = Tokenizer.from_str(self._tokenizer.to_str())
        self._needs_pair = manifest.task == "question-answering"
        strategy = "only_second" if self._needs_pair else "longest_first"
        self._truncating.enable_truncation(self._lengths[-1], strategy=strategy)
        self._names = tuple(tensor.name for tensor in manifest.inputs)
        self._pads = manifest.pad_values
        self._head = heads.head_of(manifest, _config(files), self._tokenizer, files)
        self.face = Face(
            TEXT,
            (Public("text", "BYTES"), Public("text_pair", "BYTES", optional=not self._needs_pair)),
            self._head.outputs,
            manifest.labels or (),
        )

    def ask(self, request: Mapping[str, Array], truncation: bool) -> Question:
        """The tokens of a request, rows of like lengths together. Raises RefusedError."""
        texts = texts_of(request, "text")
        pairs = texts_of(request, "text_pair") if "text_pair" in request else None
        if pairs is None and self._needs_pair:
            raise RefusedError("The input text_pair is missing: send the context beside the question.")
        if pairs is not None and len(pairs) != len(texts):
            raise RefusedError(f"text has {len(texts)} rows and text_pair {len(pairs)}: send equal numbers.")
        tokenizer = self._truncating if truncation else self._tokenizer
        encodings = tokenizer.encode_batch(texts if pairs is None else list(zip(texts, pairs, strict=True)))
        groups: dict[int, list[int]] = {}
        for index, encoding in enumerate(encodings):
            groups.setdefault(self._bucket(index, len(encoding.ids)), []).append(index)
        self._head.check(encodings)
        parts = tuple(
            Part(tuple(rows), self._tensors([encodings[row] for row in rows])) for rows in groups.values()
        )
        return Question(parts, _Context(encodings, texts, pairs))

    def answer(self, question: Question, results: Sequence[Mapping[str, Array]]) -> dict[str, Array]:
        """The head's outputs."""
        context: _Context = question.context
        rows: list[dict[str, Array]] = [{} for _ in context.encodings]
        for part, result in zip(question.parts, results, strict=True):
            for place, row in enumerate(part.rows):
                rows[row] = {name: array[place] for name, array in result.items()}
        return self._head.answer(rows, context.encodings, context.pairs or context.texts)

    def _bucket(self, index: int, tokens: int) -> int:
        for length in self._lengths:
            if tokens <= length:
                return length
        raise RefusedError(
            f"Row {index} has {tokens} tokens, and this model is compiled for at most {self._lengths[-1]}: "
            "shorten the text, or let the request's parameter truncation be true to have it cut."
        )

    def _tensors(self, encodings: Sequence[Encoding]) -> dict[str, Array]:
        longest = max(len(encoding.ids) for encoding in encodings)
        tensors = {}
        for name in self._names:
            array = np.full((len(encodings), longest), self._pads[name], dtype=np.int64)
            for row, encoding in enumerate(encodings):
                values = getattr(encoding, _FIELDS[name])
                array[row, : len(values)] = values
            tensors[name] = array
        return tensors


def _config(files: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((files / "config.json").read_text(encoding="utf-8"))
    return content
