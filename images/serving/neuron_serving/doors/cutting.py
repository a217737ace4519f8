"""Long texts, made short before they are tokenized: a tokenizer needs 500 bytes for each of a text.

Without truncation a text that must have too many tokens is refused by its bytes. With truncation the
tokenizer gets a part of the text that is enough: they cut texts into words by what stands near, and each
word into tokens by itself. So the tokens of a part are those of the whole, but for the last two words where
it ends, and the first two where it begins; when the others are as many as may stay, the rest can't change
them. A part that is not enough, for it is all space or one word, is taken larger, up to a bound.
"""

import unicodedata
from collections.abc import Iterator, Sequence

from tokenizers import Tokenizer

from neuron_serving.tensors import RefusedError

# Every text may have so many bytes, whatever its tokenizer.
LEAST_BYTES = 16 * 1024
MOST_BYTES = 256 * 1024
# The largest part of a text that is tokenized to cut it.
MOST_CHARACTERS = 128 * 1024
# Of a pair of texts that are both too long, which are counted as a whole.
MOST_CHARACTERS_IN_PAIRS = 32 * 1024
_FIRST_CHARACTERS = 1024
_CHARACTERS_A_TOKEN = 8
_GROWTH = 4
_TOGETHER_CHARACTERS = 64 * 1024

Row = str | tuple[str, str]


def byte_bound(tokenizer: Tokenizer, tokens: int) -> int:
    """Return the bytes of the longest text that can have so many tokens, each as long as the longest one."""
    longest = max((len(token.encode()) for token in tokenizer.get_vocab(with_added_tokens=True)), default=1)
    return min(MOST_BYTES, max(LEAST_BYTES, tokens * longest))


def check(rows: Sequence[Row], bound: int, tokens: int) -> None:
    """Raises RefusedError where a row has more bytes than so many tokens can have."""
    for index, row in enumerate(rows):
        size = sum(len(text.encode()) for text in ((row,) if isinstance(row, str) else row))
        if size > bound:
            raise RefusedError(
                f"Row {index} has {size} bytes, and a text of {tokens} tokens, for which this model is "
                f"compiled, at most {bound}: shorten the text, or let the request's parameter truncation be "
                "true to have it cut."
            )


def cut(tokenizer: Tokenizer, rows: Sequence[Row], tokens: int, side: str, *, only: int | None) -> list[Row]:
    """Return rows of which a truncation to so many tokens, special ones among them, leaves the same.

    `tokenizer` truncates nothing; `side` is where a truncation cuts; `only` is which text of a pair, 0 or 1,
    is cut alone. Raises RefusedError for a row of which no part can be told to be enough.
    """
    found: list[Row] = []
    for index, row in enumerate(rows):
        if isinstance(row, str):
            found.append(_part(tokenizer, row, tokens, side, index))
            continue
        if only is not None:
            whole = row[1 - only]
            check([whole], byte_bound(tokenizer, tokens), tokens)
            part = _part(tokenizer, row[only], tokens, side, index)
            found.append((whole, part) if only else (part, whole))
            continue
        found.append(_parts(tokenizer, row, tokens, side, index))
    return found


def _parts(tokenizer: Tokenizer, row: tuple[str, str], tokens: int, side: str, index: int) -> tuple[str, str]:
    """The parts of a pair that are enough, the longer text's part the longer one.

    Of two texts that are both too long, the longer one keeps one token more where they are of an odd number.
    Parts are as short as can be: a tokenizer keeps all that it cuts off, every piece of one text with every
    piece of the other.
    """
    large = [_part(tokenizer, text, tokens, side, index) for text in row]
    counts = [_count(tokenizer, part) for part in large]
    parts = [_least(tokenizer, part, tokens, side) for part in large]
    if min(counts) < tokens:
        return parts[0], parts[1]
    if large != list(row):
        for text in row:
            _refuse_beyond(text, index, MOST_CHARACTERS_IN_PAIRS)
        counts = [_count(tokenizer, text) for text in row]
    is_longer = counts[0] > counts[1]
    extra = 0
    while (_count(tokenizer, parts[0]) > _count(tokenizer, parts[1])) != is_longer:
        extra = 2 * extra + 1
        longer = 0 if is_longer else 1
        parts[longer] = _least(tokenizer, row[longer], tokens + extra, side)
    return parts[0], parts[1]


def _least(tokenizer: Tokenizer, text: str, tokens: int, side: str) -> str:
    """The shortest part of a text of which so many tokens are certain; all of it where that is not enough."""
    if len(text.encode()) <= tokens:
        return text
    found = tokenizer.encode(text, add_special_tokens=False)
    words, offsets = found.word_ids, found.offsets
    if len(words) <= tokens:
        return text
    if side == "right":
        last = words[tokens - 1] + 2
        return text[: max(end for word, (_, end) in zip(words, offsets, strict=True) if word <= last)]
    first = words[-tokens] - 2
    start = min(begin for word, (begin, _) in zip(words, offsets, strict=True) if word >= first)
    while start > 0 and not _is_boundary(text, start):
        start -= 1
    return text[start:]


def groups(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """The rows in their order, as many together as are cheap to tokenize at once."""
    some: list[Row] = []
    size = 0
    for row in rows:
        length = len(row) if isinstance(row, str) else sum(map(len, row))
        if some and size + length > _TOGETHER_CHARACTERS:
            yield some
            some, size = [], 0
        some.append(row)
        size += length
    yield some


def _part(tokenizer: Tokenizer, text: str, tokens: int, side: str, index: int) -> str:
    """The part of a text that is enough; all of it where it is short."""
    size = max(_FIRST_CHARACTERS, _CHARACTERS_A_TOKEN * tokens)
    while size < len(text):
        part = _part_of(text, size, side)
        if _certain(tokenizer, part, side) >= tokens:
            return part
        if size >= MOST_CHARACTERS:
            _refuse_beyond(text, index, MOST_CHARACTERS)
        size *= _GROWTH
    return text


def _part_of(text: str, size: int, side: str) -> str:
    if size >= len(text):
        return text
    return text[:size] if side == "right" else _from_a_boundary(text[-size:])


def _refuse_beyond(text: str, index: int, most: int) -> None:
    if len(text) > most:
        raise RefusedError(
            f"Row {index} can't be cut: {most} characters of it do not tell which tokens stay: shorten it."
        )


def _certain(tokenizer: Tokenizer, part: str, side: str) -> int:
    """How many tokens of a part the rest of the text can't change."""
    words = [word for word in tokenizer.encode(part, add_special_tokens=False).word_ids if word is not None]
    if not words:
        return 0
    if side == "right":
        return sum(word < words[-1] - 1 for word in words)
    return sum(word > words[0] + 1 for word in words)


def _from_a_boundary(part: str) -> str:
    """A part from where a word surely begins: a space or a mark after a letter or a digit.

    What cuts texts into words reads from their beginning, and counts digits by threes, say.
    """
    return next((part[place:] for place in range(1, len(part)) if _is_boundary(part, place)), "")


def _is_boundary(text: str, place: int) -> bool:
    return text[place - 1].isalnum() and unicodedata.category(text[place])[0] in "ZP"


def _count(tokenizer: Tokenizer, text: str) -> int:
    return len(tokenizer.encode(text, add_special_tokens=False).ids)
