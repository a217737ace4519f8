"""Texts as users send them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from neuron_compiler.answers.example import Example

# Most telling first: where a model is large, only the first of them are asked.
_SENTENCES = (
    "The quick brown fox jumps over the lazy dog.",
    "  two  spaces,\ttabs\nand a new line  ",
    "Ångström naïve café 東京 こんにちは Москва שלום नमस्ते สวัสดี",
    "👩\u200d👩\u200d👧 🇳🇿 \U0001d518\U0001d52b\U0001d526 cafe\u0301 \ufb01 \u200bx",
    "Hi",
    "It's 3.14 or 2,718.28: e-mail me@example.com, http://x.y/?q=1&r=%20 #tag @name",
    "don't STOP!!! supercalifragilisticexpialidocious 12345678901234567890",
)
_WORDS = ("the", "cat", "sat", "on", "the", "mat", "and", "the", "dog", "ate", "what", "was", "left")
Count = Callable[[str, str | None], int]


def examples(
    lengths: Sequence[int], count: Count, specials: Sequence[str], mask: str | None, pairs: str
) -> list[Example]:
    """Requests for a model that is compiled for `lengths` tokens, in the order of how much they tell.

    `count` tells the tokens of a text, or of a pair, special ones included, as they are where nobody asks for
    truncation; `specials` are the tokenizer's
    own tokens; with `mask` every text has that token exactly once. `pairs`: Needed, Possible or None.
    """

    def made(text: str) -> str:
        return f"{mask} {text}" if mask else text

    special = f"a {' b '.join(specials[:2])} c" if specials else "a b c"
    if mask is not None:
        special = special.replace(mask, "m")
    short = [made(text) for text in (*_SENTENCES[:4], special, *_SENTENCES[4:])]
    longest = max(lengths)
    found: list[Example] = []
    if pairs != "Needed":
        fitting = [text for text in short if count(text, None) <= longest]
        found.append(_request("texts of unequal lengths", fitting or [made("a")]))
        for length in sorted(lengths):
            filling = made(_filling(length, lambda text: count(made(text), None)))
            found.append(_request(f"a text of {length} tokens", [filling]))
        beyond = made(_words(longest + 20))
        found.append(_too_long(_request("a text too long", [beyond]), count, longest))
        found.append(_request("nothing but spaces", [" \t "]).to_be_refused())
        cut = [beyond, *(text for text in short if count(text, None) > longest)]
        found.append(_request("texts too long, cut", cut, truncation=True))
    if pairs != "None":
        # The shorter ones are for models with short buckets: some of them have to leave room for padding.
        first = [
            made(text) for text in ("Where did the dog sit?", "Who?", _SENTENCES[3], "Who sat?", "a?", "a")
        ]
        second = ["The dog sat on the mat by the sea.", _SENTENCES[2], f"  {special} the end."]
        second += ["The dog.", "b c d", "b"]
        together = [
            pair for pair in zip(first, second, strict=True) if count(pair[0], pair[1]) <= longest
        ] or [(first[-1], second[-1])]
        texts, seconds = zip(*together, strict=True)
        found.append(_request("pairs of unequal lengths", texts, seconds))
        beyond = _words(2 * longest)
        found.append(_too_long(_request("a pair too long", [made("Who?")], [beyond]), count, longest))
        found.append(_request("a pair too long, cut", [made("Who?")], [beyond], truncation=True))
        if pairs == "Possible":
            long = made(_words(longest))
            found.append(_request("a pair of long texts, cut", [long], [beyond], truncation=True))
    return found


def _too_long(example: Example, count: Count, longest: int) -> Example:
    """To be refused, unless the library cuts it unasked."""
    return example.to_be_refused() if count(*example.texts(0)) > longest else example


def _words(count: int) -> str:
    return " ".join(_WORDS[index % len(_WORDS)] for index in range(count))


def _request(
    name: str, texts: Sequence[str], pairs: Sequence[str] | None = None, truncation: bool = False
) -> Example:
    inputs = {"text": tuple(text.encode() for text in texts)}
    if pairs is not None:
        inputs["text_pair"] = tuple(text.encode() for text in pairs)
    return Example(name, inputs, truncation)


def _filling(length: int, count: Callable[[str], int]) -> str:
    """The longest text of plain words that has no more than `length` tokens."""
    low, high = 1, max(2, length)
    while low < high:
        middle = (low + high + 1) // 2
        if count(_words(middle)) <= length:
            low = middle
        else:
            high = middle - 1
    return _words(low)
