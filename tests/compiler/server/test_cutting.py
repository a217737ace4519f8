"""Long texts are cut before they are tokenized, and their tokens stay those of the whole."""

import pytest
from neuron_serving.doors import cutting
from neuron_serving.tensors import RefusedError
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

WORDS = "the cat sat on 1234567 mats, didn't it? Zürich, naïve \U0001f389\U0001f389 done\n\n\ttabs 你好世界。"
PATTERN = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s+"


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    made = Tokenizer(models.BPE())
    split = pre_tokenizers.Split(Regex(PATTERN), "isolated")
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    made.pre_tokenizer = pre_tokenizers.Sequence([split, byte_level])
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator([WORDS] * 5, trainers.BpeTrainer(vocab_size=500, initial_alphabet=alphabet))
    return made


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize(
    "row",
    [
        WORDS * 100,
        "9" * 9 + WORDS * 50,
        (WORDS * 100, "short"),
        (WORDS * 40, WORDS * 41),
        (WORDS * 41, WORDS * 40),
        # The longer one in tokens is the shorter one in characters.
        ("\U0001f389 " * 1000, "the cat " * 300),
        ("the cat " * 300, "\U0001f389 " * 1000),
    ],
)
def test_a_truncation_leaves_the_same_of_the_part_as_of_the_whole(
    tokenizer: Tokenizer, side: str, row: cutting.Row
) -> None:
    tokenizer.no_truncation()
    (part,) = cutting.cut(tokenizer, [row], 33, side, only=None)
    tokenizer.enable_truncation(33, direction=side)
    whole, found = (
        (tokenizer.encode(each) if isinstance(each, str) else tokenizer.encode(*each)) for each in (row, part)
    )
    tokenizer.no_truncation()
    assert found.ids == whole.ids
    if isinstance(row, str):
        assert len(part) < len(row)


@pytest.mark.parametrize("side", ["right", "left"])
def test_a_pair_of_long_texts_is_never_given_to_the_tokenizer_whole(tokenizer: Tokenizer, side: str) -> None:
    row = (WORDS * 350, WORDS * 340)
    tokenizer.no_truncation()
    (parts,) = cutting.cut(tokenizer, [row], 33, side, only=None)
    assert isinstance(parts, tuple)
    assert max(map(len, parts)) < 1000


def test_megabytes_of_one_letter_are_refused_before_they_are_tokenized(tokenizer: Tokenizer) -> None:
    huge = "a" * 8_000_000
    bound = cutting.byte_bound(tokenizer, 128)
    with pytest.raises(RefusedError, match=f"at most {bound}"):
        cutting.check([huge], bound, 128)
    with pytest.raises(RefusedError, match="can't be cut"):
        cutting.cut(tokenizer, [huge], 128, "right", only=None)


def test_rows_that_are_long_are_tokenized_one_after_another() -> None:
    assert [len(some) for some in cutting.groups(["a"] * 64)] == [64]
    assert [len(some) for some in cutting.groups(["a" * 40_000] * 3)] == [1, 1, 1]
