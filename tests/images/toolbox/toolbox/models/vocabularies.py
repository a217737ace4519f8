"""Tokenizers of the three kinds that models have, trained on a few sentences."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

CORPUS = (
    "The quick brown fox jumps over the lazy dog, and the dog sat on the mat by the sea.",
    "A good day, a bad day: what is it that he and she will see in one, two or three years?",
    "Ångström naïve café 東京 こんにちは Москва שלום नमस्ते 12345 67890 don't it's e-mail me@example.com",
    "Who wrote the book of the dead? The answers are in the text that was left on the table of the king.",
)
WORDPIECE, BYTES, UNIGRAM = "wordpiece", "bytes", "unigram"
SIZE = 400
_BERTS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
_ROBERTAS = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
# Model types whose tokenizers have no special tokens around a text, only an end.
_BARE = {"end": "<|endoftext|>"}


def train(kind: str) -> Tokenizer:
    """The tokenizer of a kind, without what it puts around texts."""
    return Tokenizer.from_str(_trained(kind))


@cache
def _trained(kind: str) -> str:
    """Training depends on the order of hashes, so that it is done once."""
    tokenizer: Any
    if kind == WORDPIECE:
        tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))  # noqa: S106
        tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        tokenizer.decoder = decoders.WordPiece()
        tokenizer.train_from_iterator(
            CORPUS, trainers.WordPieceTrainer(vocab_size=SIZE, special_tokens=_BERTS)
        )
    elif kind == BYTES:
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(
            vocab_size=SIZE, special_tokens=[*_ROBERTAS, _BARE["end"]], initial_alphabet=alphabet
        )
        tokenizer.train_from_iterator(CORPUS, trainer)
    else:
        tokenizer = Tokenizer(models.Unigram())
        tokenizer.normalizer = normalizers.NFKC()
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        tokenizer.decoder = decoders.Metaspace()
        trainer = trainers.UnigramTrainer(vocab_size=SIZE, special_tokens=_ROBERTAS, unk_token="<unk>")  # noqa: S106
        tokenizer.train_from_iterator(CORPUS, trainer)
    return str(tokenizer.to_str())


def save(
    kind: str, directory: Path, inputs: Sequence[str], decoder_only: bool = False
) -> PreTrainedTokenizerFast:
    """Saves a tokenizer of a kind; `inputs` are the names that the model takes."""
    tokenizer: Any = train(kind)
    if kind == WORDPIECE:
        _around(tokenizer, "[CLS]", "[SEP]", second=1)
        named = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
    elif decoder_only:
        tokenizer.post_processor = None if kind == UNIGRAM else processors.ByteLevel(trim_offsets=False)
        end = _BARE["end"] if kind == BYTES else "</s>"
        named = {"pad": "<pad>", "eos": end, "bos": end}
    else:
        _around(tokenizer, "<s>", "</s>", second=0)
        named = {
            **{"pad": "<pad>", "unk": "<unk>", "cls": "<s>", "sep": "</s>", "mask": "<mask>"},
            **{"bos": "<s>", "eos": "</s>"},
        }
    whole = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_input_names=list(inputs),
        **{f"{name}_token": token for name, token in named.items()},
    )
    whole.save_pretrained(directory)
    return whole


def _around(tokenizer: Any, first: str, last: str, second: int) -> None:
    special = [(token, tokenizer.token_to_id(token)) for token in (first, last)]
    pair = f"{first} $A {last} $B:1 {last}:1" if second else f"{first} $A {last} {last} $B {last}"
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{first} $A {last}", pair=pair, special_tokens=special
    )
