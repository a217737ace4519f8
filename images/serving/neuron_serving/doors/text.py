"""The door for texts: tokenizes with the model's own tokenizer, and has the task's head make answers."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from neuron_artifact import Manifest, TextSettings
from tokenizers import Encoding, Tokenizer

from neuron_serving.doors import cutting, heads
from neuron_serving.doors.door import NONE, Part, Question
from neuron_serving.doors.face import TEXT, Face, Public
from neuron_serving.doors.options import OF_TASKS, OF_TEXTS, Options, options_of
from neuron_serving.doors.rows import texts_of
from neuron_serving.tensornames import SEQUENCE
from neuron_serving.tensors import Array, RefusedError

_FIELDS = {"input_ids": "ids", "attention_mask": "attention_mask", "token_type_ids": "type_ids"}


@dataclass(frozen=True)
class _Context:
    encodings: Sequence[Encoding]
    texts: Sequence[str]
    pairs: Sequence[str] | None
    options: Options


class TextDoor:
    """Takes `text` and, where it is given, `text_pair`, both BYTES [batch, 1] in UTF-8.

    For question-answering `text` is the question and `text_pair`, which it needs, the context.
    """

    def __init__(self, directory: Path, manifest: Manifest) -> None:
        """Reads the tokenizer of an artifact, and how its library uses it."""
        files = directory / "tokenizer"
        self._settings = TextSettings.read(files)
        self._tokenizer = Tokenizer.from_file(str(files / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.encode_special_tokens = self._settings.split_special_tokens
        # Whether a tokenizer truncates is its own setting, not the call's.
        self._turn = threading.Lock()
        self._lengths = sorted({bucket.axes[SEQUENCE] for bucket in manifest.buckets})
        self._byte_bound = cutting.byte_bound(self._tokenizer, self._lengths[-1])
        self._needs_pair = manifest.task == "question-answering"
        # Which text of a question and its context is the context.
        self._context = int(not self._settings.context_first) if self._needs_pair else None
        self._parameters = OF_TEXTS | OF_TASKS.get(manifest.task, frozenset())
        self._names = tuple(tensor.name for tensor in manifest.inputs)
        self._pads = manifest.pad_values
        self._head = heads.head_of(manifest, self._settings, self._tokenizer)
        self.face = Face(
            TEXT,
            (Public("text", "BYTES"), Public("text_pair", "BYTES", optional=not self._needs_pair)),
            self._head.outputs,
            manifest.labels or (),
        )

    def ask(
        self, request: Mapping[str, Array], truncation: bool = False, parameters: Mapping[str, Any] = NONE
    ) -> Question:
        """The tokens of a request, rows of like lengths together. Raises RefusedError."""
        options = options_of(parameters, self._parameters)
        texts = texts_of(request, "text")
        pairs = texts_of(request, "text_pair") if "text_pair" in request else None
        if pairs is None and self._needs_pair:
            raise RefusedError("The input text_pair is missing: send the context beside the question.")
        if pairs is not None and len(pairs) != len(texts):
            raise RefusedError(f"text has {len(texts)} rows and text_pair {len(pairs)}: send equal numbers.")
        if prompt := self._prompt(options):
            texts = [prompt + text for text in texts]
        both = (pairs, texts) if self._context == 0 else (texts, pairs)
        rows: Sequence[Any] = texts if pairs is None else list(zip(*both, strict=True))
        encodings = self._encode(rows, truncation, options)
        groups: dict[int, list[int]] = {}
        for index, encoding in enumerate(encodings):
            groups.setdefault(self._bucket(index, len(encoding.ids)), []).append(index)
        self._head.check(encodings, options)
        parts = tuple(
            Part(tuple(rows), self._tensors([encodings[row] for row in rows])) for rows in groups.values()
        )
        return Question(parts, _Context(encodings, texts, pairs, options))

    def _prompt(self, options: Options) -> str | None:
        """What is put before every text: what the request says, else the model's own."""
        known, default = self._settings.prompts, self._settings.default_prompt
        asked = options.prompt is not None or options.prompt_name is not None
        if asked and self._settings.fixed_prompt:
            raise RefusedError(
                "This model leaves its prompt's tokens out of its vectors, and was compiled for its own "
                "prompt: leave prompt and prompt_name out."
            )
        if options.prompt is not None:
            return options.prompt
        name = default if options.prompt_name is None else options.prompt_name
        if name is None:
            return None
        if name not in known:
            named = ", ".join(known) if known else "none"
            raise RefusedError(f"The model has no prompt of that name: its prompts are {named}.")
        return known[name]

    def _encode(self, rows: Sequence[Any], truncation: bool, options: Options) -> Sequence[Encoding]:
        limits = [self._settings.max_tokens]
        if truncation:
            limits += [self._lengths[-1], self._settings.cut_to]
        limit = min((each for each in limits if each is not None), default=None)
        strategy = "longest_first" if self._context is None else ("only_first", "only_second")[self._context]
        side = options.truncation_side or self._settings.truncation_side
        if limit is None:
            cutting.check(rows, self._byte_bound, self._lengths[-1])
        encodings: list[Encoding] = []
        with self._turn:
            if limit is not None:
                self._tokenizer.no_truncation()
                rows = cutting.cut(self._tokenizer, rows, limit, side, only=self._context)
                self._tokenizer.enable_truncation(limit, strategy=strategy, direction=side)
            else:
                self._tokenizer.no_truncation()
            try:
                for some in cutting.groups(rows):
                    encodings += self._tokenizer.encode_batch(some)
                    for index, encoding in enumerate(encodings[-len(some) :], len(encodings) - len(some)):
                        self._bucket(index, len(encoding.ids))
            except RefusedError:
                raise
            # The tokenizer's own words: a question alone may be longer than the limit.
            except Exception as error:
                raise RefusedError(f"The text can't be made tokens: {error}.") from error
        return encodings

    def answer(self, question: Question, results: Sequence[Mapping[str, Array]]) -> dict[str, Array]:
        """The head's outputs."""
        context: _Context = question.context
        rows: list[dict[str, Array]] = [{} for _ in context.encodings]
        for part, result in zip(question.parts, results, strict=True):
            for place, row in enumerate(part.rows):
                rows[row] = {name: array[place] for name, array in result.items()}
        return self._head.answer(rows, context.encodings, context.pairs or context.texts, context.options)

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
