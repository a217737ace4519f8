"""What the results of each task mean to people.

Scores are computed as transformers' pipelines do.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from neuron_artifact import Manifest, TextSettings
from tokenizers import Encoding, Tokenizer

from neuron_serving.doors import spans
from neuron_serving.doors.entities import Grouping
from neuron_serving.doors.face import Public
from neuron_serving.doors.options import OWN_NUMBER, Options
from neuron_serving.doors.scores import Classes, function_of, softmax
from neuron_serving.tensors import Array, RefusedError

_TOP = 5
# Each word of an answer is decoded by itself.
_MOST_WORDS = 32 * 1024

Row = Mapping[str, Array]


class Head(Protocol):
    """The end of a task."""

    @property
    def outputs(self) -> tuple[Public, ...]:
        """What an answer has."""

    def check(self, encodings: Sequence[Encoding], options: Options) -> None:
        """Raises RefusedError where a text has not what the task needs, or more is asked than it gives."""

    def answer(
        self, rows: Sequence[Row], encodings: Sequence[Encoding], texts: Sequence[str], options: Options
    ) -> dict[str, Array]:
        """Outputs [batch, ...] of the tensor model's for each row; sequences may still be padded.

        `texts` are the second texts where there are pairs.
        """


def head_of(manifest: Manifest, settings: TextSettings, tokenizer: Tokenizer) -> Head:
    """Return the head of an artifact's task."""
    labels = manifest.labels or ()
    if manifest.task == "text-classification":
        return Labels(labels, function_of(manifest.settings))
    if manifest.task == "token-classification":
        return Entities(Grouping(labels, tokenizer, settings.unk_token))
    if manifest.task == "question-answering":
        return Spans(tokenizer, settings)
    if manifest.task == "fill-mask":
        return Masked(tokenizer, settings.mask_token)
    (output,) = manifest.outputs
    if len(output.dims) == 1:
        return Vectors(int(output.dims[0]))
    return TokenVectors(int(output.dims[1]))


class _Anything:
    def check(self, encodings: Sequence[Encoding], options: Options) -> None:
        """Every text will do."""


class Vectors(_Anything):
    """embedding: FP32 [batch, hidden]."""

    def __init__(self, hidden: int) -> None:
        self.outputs = (Public("embedding", "FP32", (hidden,)),)

    def answer(
        self, rows: Sequence[Row], encodings: Sequence[Encoding], texts: Sequence[str], options: Options
    ) -> dict[str, Array]:
        """The vectors as they are."""
        return {"embedding": np.stack([row["embedding"] for row in rows])}


class TokenVectors(_Anything):
    """last_hidden_state: FP32 [batch, tokens, hidden], zeros after a text's own tokens; token_count: INT32
    [batch, 1].
    """

    def __init__(self, hidden: int) -> None:
        self.outputs = (Public("last_hidden_state", "FP32", (-1, hidden)), Public("token_count", "INT32"))
        self._hidden = hidden

    def answer(
        self, rows: Sequence[Row], encodings: Sequence[Encoding], texts: Sequence[str], options: Options
    ) -> dict[str, Array]:
        """The vectors of each text's own tokens."""
        counts = [len(encoding.ids) for encoding in encodings]
        states = np.zeros((len(rows), max(counts), self._hidden), dtype=np.float32)
        for index, (row, count) in enumerate(zip(rows, counts, strict=True)):
            states[index, :count] = row["last_hidden_state"][:count]
        return {"last_hidden_state": states, "token_count": np.array(counts, dtype=np.int32)[:, None]}


class Labels(_Anything):
    """label, score: the best of each text; scores: FP32 [batch, labels]."""

    def __init__(self, labels: Sequence[str], function: str) -> None:
        self._classes = Classes(labels, function)
        self.outputs = self._classes.outputs

    def answer(
        self, rows: Sequence[Row], encodings: Sequence[Encoding], texts: Sequence[str], options: Options
    ) -> dict[str, Array]:
        """The labels of the logits."""
        return self._classes.answer(np.stack([row["logits"] for row in rows]), options)


class Entities(_Anything):
    """entities: BYTES [batch, 1], a JSON list of what has a label other than O, with score and place."""

    outputs = (Public("entities", "BYTES"),)

    def __init__(self, grouping: Grouping) -> None:
        self._grouping = grouping

    def answer(
        self, rows: Sequence[Row], encodings: Sequence[Encoding], texts: Sequence[str], options: Options
    ) -> dict[str, Array]:
        """The entities of each text."""
        found = [
            self._grouping.entities(
                softmax(row["logits"][: len(encoding.ids)]),
                encoding,
                text,
                options.aggregation,
                options.ignored,
            )
            for row, encoding, text in zip(rows, encodings, texts, strict=True)
        ]
        told = [json.dumps(entities, ensure_ascii=False).encode() for entities in found]
        return {"entities": np.array(told, dtype=np.object_)[:, None]}


class Spans(_Anything):
    """answer: BYTES, score: FP32, start and end: INT32 (characters of the context), each [batch, 1], or as
    many as top_k says.
    """

    outputs = spans.OUTPUTS

    def __init__(self, tokenizer: Tokenizer, settings: TextSettings) -> None:
        none = settings.cls_token
        self._none = None if none is None else tokenizer.token_to_id(none)
        self._sequence = 0 if settings.context_first else 1

    def answer(
        self, rows: Sequence[Row], encodings: Sequence[Encoding], texts: Sequence[str], options: Options
    ) -> dict[str, Array]:
        """The best spans of each context."""
        found = [
            spans.answers(
                row["start_logits"][: len(encoding.ids)],
                row["end_logits"][: len(encoding.ids)],
                encoding,
                text,
                self._sequence,
                self._none,
                options,
            )
            for row, encoding, text in zip(rows, encodings, texts, strict=True)
        ]
        return spans.outputs_of(found, texts)


class Masked:
    """tokens: BYTES [batch, 5] and scores: FP32 [batch, 5], the best first; or as many as top_k says."""

    outputs = (Public("tokens", "BYTES", (-1,)), Public("scores", "FP32", (-1,)))

    def __init__(self, tokenizer: Tokenizer, mask: str | None) -> None:
        self._mask = mask
        self._id = None if mask is None else tokenizer.token_to_id(mask)
        self._tokenizer = tokenizer

    def check(self, encodings: Sequence[Encoding], options: Options) -> None:
        """Raises RefusedError unless every text has exactly one mask."""
        words = len(encodings) * (options.top_k or _TOP)
        if words > _MOST_WORDS:
            raise RefusedError(
                f"top_k asks for {words} words in all, and {_MOST_WORDS} are allowed: lower it."
            )
        if self._id is None:
            raise RefusedError("This model's tokenizer has no mask: nothing can be filled in.")
        for index, encoding in enumerate(encodings):
            count = encoding.ids.count(self._id)
            if count != 1:
                raise RefusedError(
                    f"Row {index} holds {count} masks: write {self._mask} exactly once, where the word is "
                    "missing."
                )

    def answer(
        self, rows: Sequence[Row], encodings: Sequence[Encoding], texts: Sequence[str], options: Options
    ) -> dict[str, Array]:
        """The likeliest words."""
        count = _TOP if options.top_k in (OWN_NUMBER, None) else options.top_k
        tokens, scores = [], []
        for row, encoding in zip(rows, encodings, strict=True):
            likely = softmax(row["logits"][encoding.ids.index(self._id)])
            best = np.argsort(-likely, kind="stable")[:count]
            tokens.append([self._word(each).encode() for each in best.tolist()])
            scores.append(likely[best])
        return {"tokens": np.array(tokens, dtype=np.object_), "scores": np.array(scores, dtype=np.float32)}

    def _word(self, token: int) -> str:
        return str(self._tokenizer.decode([token], skip_special_tokens=False)).strip()
