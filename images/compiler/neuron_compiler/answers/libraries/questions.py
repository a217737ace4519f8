"""What transformers 4's question-answering pipeline computes of a model's logits, for contexts that need no
window; transformers 5 has no such pipeline any more.

Source: transformers 4.57, whose own answers tests/compiler/server/question_answers.json holds.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import torch

from neuron_compiler.answers.expected import Span

_LONGEST_ANSWER = 15
_CANDIDATES = 12


def best_span(
    start_logits: torch.Tensor,
    end_logits: torch.Tensor,
    encoding: Any,
    context: str,
    sequence: int,
    no_answer: int | None,
    tie: float,
) -> Span:
    """The best answer in a context, which is the encoding's `sequence`; logits fp32 [tokens].

    `no_answer` is the id of CLS. Scores closer than the share `tie` are as good as equal, also where it
    decides which spans are candidates.
    """
    inside = [
        place == sequence or token == no_answer
        for place, token in zip(encoding.sequence_ids, encoding.ids, strict=True)
    ]
    outside = ~torch.tensor(inside)
    start, end = (
        logits.float().masked_fill(outside, -10000.0).softmax(-1) for logits in (start_logits, end_logits)
    )
    start[0] = end[0] = 0.0
    table = torch.outer(start, end).triu().tril(_LONGEST_ANSWER - 1)
    table[outside] = 0.0
    table[:, outside] = 0.0
    scores, order = table.ravel().sort(descending=True, stable=True)
    count = int((scores > 0).sum())
    if not count:
        return Span(context, ((0, 0),), (0.0,), (0.0,))
    next_score = float(scores[_CANDIDATES]) if count > _CANDIDATES else 0.0
    last_score = float(scores[min(_CANDIDATES, count) - 1])
    told: dict[str, float] = defaultdict(float)
    least: dict[str, float] = defaultdict(float)
    most: dict[str, float] = defaultdict(float)
    spans: dict[str, list[tuple[float, tuple[int, int]]]] = defaultdict(list)
    for rank, (score, place) in enumerate(zip(scores[:count].tolist(), order[:count].tolist(), strict=True)):
        if score < last_score * (1 - tie):
            break
        first, last = divmod(place, len(inside))
        characters = _characters(encoding, first, last, sequence)
        text = context[slice(*characters)].lower()
        told[text] += score if rank < _CANDIDATES else 0.0
        least[text] += score if score * (1 - tie) > next_score else 0.0
        most[text] += score
        spans[text].append((score, characters))
    best = max(told.values()) * (1 - tie)
    found = [
        (told[text], characters, least[text], most[text])
        for text, each in spans.items()
        if most[text] >= best
        for score, characters in each
        if score >= each[0][0] * (1 - tie)
    ]
    found.sort(key=lambda one: -one[0])
    _, places, lowest, highest = zip(*found, strict=True)
    return Span(context, places, lowest, highest)


def _characters(encoding: Any, first: int, last: int, sequence: int) -> tuple[int, int]:
    """The words in which a span of tokens begins and ends, or the tokens, where there are no words."""
    one, other = encoding.token_to_word(first), encoding.token_to_word(last)
    begin = None if one is None else encoding.word_to_chars(one, sequence)
    end = None if other is None else encoding.word_to_chars(other, sequence)
    if begin is None or end is None:
        return encoding.offsets[first][0], encoding.offsets[last][1]
    return begin[0], end[1]
