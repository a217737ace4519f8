"""Answers to questions: the spans of a context, as transformers 4's question-answering pipeline tells them.

(transformers 5 has no such pipeline any more.) The token CLS, by which models say that there is no answer,
takes its share of the probabilities. Candidates are spans of tokens; each is widened to whole words, and
those with the same text add up.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from tokenizers import Encoding

from neuron_serving.doors.face import Public
from neuron_serving.doors.options import OWN_NUMBER, Options
from neuron_serving.doors.scores import softmax
from neuron_serving.tensors import Array

# So many candidates for each answer that is wanted, and some more, as some have one text.
_CANDIDATES_AN_ANSWER = 2
_MORE_CANDIDATES = 10

OUTPUTS = (
    Public("answer", "BYTES", (-1,)),
    Public("score", "FP32", (-1,)),
    Public("start", "INT32", (-1,)),
    Public("end", "INT32", (-1,)),
)


@dataclass
class Answer:
    """Characters `start` to `end` of a context, and their probability; none of it is the answer that there is
    none.
    """

    start: int
    end: int
    score: float


def outputs_of(found: Sequence[Sequence[Answer]], contexts: Sequence[str]) -> dict[str, Array]:
    """The outputs [batch, answers] for the answers of each row; rows that have fewer end in empty ones."""
    most = max(len(answers) for answers in found)
    filled = [[*answers, *[Answer(0, 0, 0.0)] * (most - len(answers))] for answers in found]
    texts = [
        [context[each.start : each.end].encode() for each in answers]
        for answers, context in zip(filled, contexts, strict=True)
    ]
    return {
        "answer": np.array(texts, dtype=np.object_).reshape(len(filled), most),
        "score": np.array([[each.score for each in answers] for answers in filled], dtype=np.float32),
        "start": np.array([[each.start for each in answers] for answers in filled], dtype=np.int32),
        "end": np.array([[each.end for each in answers] for answers in filled], dtype=np.int32),
    }


def answers(
    start_logits: Array,
    end_logits: Array,
    encoding: Encoding,
    context: str,
    sequence: int,
    no_answer: int | None,
    options: Options,
) -> list[Answer]:
    """The best answers of one row, the best first: at least one, at most as many as are wanted, or as there
    are tokens.

    Logits fp32 [tokens]; the context is the encoding's `sequence`; `no_answer` is the id of CLS, if there is
    one.
    """
    places = np.array([place == sequence for place in encoding.sequence_ids])
    allowed = places | (np.array(encoding.ids) == no_answer)
    begin, end = (softmax(np.where(allowed, logits, -10000.0)) for logits in (start_logits, end_logits))
    none = float(begin[0] * end[0])
    begin[0] = end[0] = 0.0
    wanted = 1 if options.top_k == OWN_NUMBER else min(options.top_k or len(places), len(places))
    found: dict[str, Answer] = {}
    for first, last, score in _candidates(begin, end, allowed, options.longest_answer, wanted, options.words):
        place = _characters(encoding, first, last, sequence, options.words)
        text = context[slice(*place)].lower()
        if text in found:
            found[text].score += score
        else:
            found[text] = Answer(*place, score)
    told = [*found.values(), *([Answer(0, 0, none)] if options.impossible else [])]
    return sorted(told, key=lambda each: -each.score)[:wanted] or [Answer(0, 0, 0.0)]


def _candidates(
    begin: Array, end: Array, allowed: Array, longest: int, wanted: int, words: bool
) -> list[tuple[int, int, float]]:
    """First token, last token and probability of the likeliest spans, the best first."""
    scores = np.tril(np.triu(np.outer(begin, end)), longest - 1).ravel()
    count = wanted * _CANDIDATES_AN_ANSWER + _MORE_CANDIDATES if words else wanted
    chosen = np.arange(len(scores)) if count >= len(scores) else np.argpartition(-scores, count)[:count]
    ordered = chosen[np.lexsort((chosen, -scores[chosen]))]
    spans = (divmod(place, len(begin)) for place in ordered.tolist() if scores[place] > 0)
    return [
        (first, last, float(scores[first * len(begin) + last]))
        for first, last in spans
        if allowed[first] and allowed[last]
    ]


def _characters(encoding: Encoding, first: int, last: int, sequence: int, words: bool) -> tuple[int, int]:
    """Where a span of tokens begins and ends in its text: whole words, where the tokenizer knows words."""
    if words:
        ends = [_word(encoding, token, sequence) for token in (first, last)]
        if ends[0] is not None and ends[1] is not None:
            return ends[0][0], ends[1][1]
    return encoding.offsets[first][0], encoding.offsets[last][1]


def _word(encoding: Encoding, token: int, sequence: int) -> tuple[int, int] | None:
    word = encoding.token_to_word(token)
    return None if word is None else encoding.word_to_chars(word, sequence)
