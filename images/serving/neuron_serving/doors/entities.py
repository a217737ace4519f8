"""From labels of tokens to entities, by the strategies of transformers' token-classification pipeline.

Each gives the pipeline's entities for a tokenizer in its fast form: `none` every token by itself, `simple`
neighbours of one label together, `first`, `average` and `max` words as a whole, labelled by their first
token, by the mean of their tokens' scores or by the surest token.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from tokenizers import Encoding, Tokenizer

from neuron_serving.tensors import Array


@dataclass(frozen=True)
class Piece:
    """A token, or the tokens of a word: its probabilities of the labels, where it stands in the text, and
    whether it goes on with the word before it.
    """

    tokens: tuple[str, ...]
    scores: Array
    start: int
    end: int
    continues: bool = False


@dataclass(frozen=True)
class Found:
    """Tokens that were given one label."""

    label: str
    score: float
    tokens: tuple[str, ...]
    start: int
    end: int


class Grouping:
    """Makes entities with a model's labels and tokenizer."""

    def __init__(self, labels: Sequence[str], tokenizer: Tokenizer, unknown: str | None) -> None:
        self._labels = tuple(labels)
        self._tokenizer = tokenizer
        self._unknown = None if unknown is None else tokenizer.token_to_id(unknown)
        # A tokenizer that marks what continues a word tells words by its tokens, others by spaces.
        self._marks = bool(getattr(tokenizer.model, "continuing_subword_prefix", None))

    def entities(
        self, scores: Array, encoding: Encoding, text: str, strategy: str, ignored: Collection[str]
    ) -> list[dict[str, Any]]:
        """The entities of a text whose tokens have the scores [tokens, labels], in the text's order."""
        pieces = list(self._pieces(scores, encoding, text))
        if strategy in _WORDS:
            pieces = [self._word(group, strategy) for group in _split(pieces, lambda piece: piece.continues)]
        found = [self._labelled(piece) for piece in pieces]
        if strategy == "none":
            return [self._told(each, each.tokens[0], "token") for each in found if each.label not in ignored]
        groups = [self._together(group) for group in _neighbours(found)]
        return [
            self._told(each, self._text(each.tokens), "word") for each in groups if each.label not in ignored
        ]

    def _pieces(self, scores: Array, encoding: Encoding, text: str) -> Iterator[Piece]:
        for place, token in enumerate(encoding.tokens):
            if encoding.special_tokens_mask[place]:
                continue
            start, end = encoding.offsets[place]
            own = text[start:end]
            if self._marks:
                continues = len(token) != len(own)
            else:
                continues = start > 0 and " " not in text[start - 1 : start + 1]
            if self._unknown is not None and encoding.ids[place] == self._unknown:
                token, continues = own, False
            yield Piece((token,), scores[place], start, end, continues)

    def _word(self, group: Sequence[Piece], strategy: str) -> Piece:
        # Its tokens become one, as the pipeline writes a word before it joins words.
        token = self._text([token for piece in group for token in piece.tokens])
        return Piece((token,), _WORDS[strategy](group), group[0].start, group[-1].end)

    def _labelled(self, piece: Piece) -> Found:
        best = int(piece.scores.argmax())
        return Found(self._labels[best], float(piece.scores[best]), piece.tokens, piece.start, piece.end)

    def _together(self, group: Sequence[Found]) -> Found:
        return Found(
            group[0].label.split("-", 1)[-1],
            float(np.mean([each.score for each in group])),
            tuple(token for each in group for token in each.tokens),
            group[0].start,
            group[-1].end,
        )

    def _text(self, tokens: Sequence[str]) -> str:
        decoder = self._tokenizer.decoder
        return " ".join(tokens) if decoder is None else str(decoder.decode(list(tokens)))

    def _told(self, found: Found, words: str, name: str) -> dict[str, Any]:
        return {
            name: words,
            "label": found.label,
            "score": round(found.score, 6),
            "start": found.start,
            "end": found.end,
        }


def _first(group: Sequence[Piece]) -> Array:
    return group[0].scores


def _average(group: Sequence[Piece]) -> Array:
    result: Array = np.mean([piece.scores for piece in group], axis=0)
    return result


def _max(group: Sequence[Piece]) -> Array:
    return max(group, key=lambda piece: float(piece.scores.max())).scores


_WORDS: dict[str, Callable[[Sequence[Piece]], Array]] = {"first": _first, "average": _average, "max": _max}


def _split(pieces: Sequence[Piece], continues: Callable[[Piece], bool]) -> Iterator[list[Piece]]:
    group: list[Piece] = []
    for piece in pieces:
        if group and not continues(piece):
            yield group
            group = []
        group.append(piece)
    if group:
        yield group


def _neighbours(found: Sequence[Found]) -> Iterator[list[Found]]:
    """Runs of one kind of label; B- begins a new one."""
    group: list[Found] = []
    for each in found:
        if group and (each.label.startswith("B-") or _kind(each.label) != _kind(group[-1].label)):
            yield group
            group = []
        group.append(each)
    if group:
        yield group


def _kind(label: str) -> str:
    return label[2:] if label.startswith(("B-", "I-")) else label
