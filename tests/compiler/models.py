"""Tiny models of real architectures, saved as a user would have them: configuration, weights, tokenizer."""

import json
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers import models as tokenizer_models
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertModel,
    BertTokenizerFast,
    DistilBertConfig,
    DistilBertModel,
    GPT2Config,
    GPT2Model,
    LlamaConfig,
    LlamaModel,
    PreTrainedTokenizerFast,
    Qwen2MoeConfig,
    Qwen2MoeModel,
    RobertaConfig,
    RobertaModel,
    T5Config,
    T5Model,
)

_SMALL = {
    "vocab_size": 64,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 64,
}
_WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "cat", "dog", "sat", "on", "the", "mat"]


def gpt2(directory: Path) -> Path:
    """A decoder without a padding token."""
    torch.manual_seed(1)
    config = GPT2Config(
        vocab_size=300, n_embd=16, n_layer=2, n_head=2, n_positions=64, bos_token_id=299, eos_token_id=299
    )
    GPT2Model(config).save_pretrained(directory)
    alphabet = {letter: index for index, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    tokenizer = Tokenizer(tokenizer_models.BPE(vocab={**alphabet, "<|endoftext|>": 299}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|endoftext|>").save_pretrained(directory)  # noqa: S106
    return directory


def turned_far(directory: Path) -> Path:
    """A decoder whose positions turn by another base than the default."""
    torch.manual_seed(7)
    config = LlamaConfig(**_SMALL, rope_parameters={"rope_type": "default", "rope_theta": 3.0})
    LlamaModel(config).save_pretrained(directory)
    _bert_tokenizer(directory)
    return directory


def experts(directory: Path) -> Path:
    """A decoder whose tokens choose two of four experts."""
    torch.manual_seed(8)
    sizes = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16}
    config = Qwen2MoeConfig(**_SMALL, **sizes, shared_expert_intermediate_size=16)
    Qwen2MoeModel(config).save_pretrained(directory)
    _bert_tokenizer(directory)
    return directory


def bert_classifier(directory: Path) -> Path:
    """A classifier of two labels that takes pairs of texts."""
    torch.manual_seed(2)
    labels = {0: "negative", 1: "positive"}
    config = BertConfig(**_SMALL, id2label=labels, label2id={name: index for index, name in labels.items()})
    BertForSequenceClassification(config).save_pretrained(directory)
    _bert_tokenizer(directory)
    return directory


def bert_without_head(directory: Path) -> Path:
    """A BERT that was never trained for classification."""
    torch.manual_seed(3)
    BertModel(BertConfig(**_SMALL)).save_pretrained(directory)
    _bert_tokenizer(directory)
    return directory


def bert_for(head: type[Any], directory: Path, **config: Any) -> Path:
    """A BERT with the head of one of transformers' classes, and random weights."""
    torch.manual_seed(6)
    head(BertConfig(**_SMALL, **config)).save_pretrained(directory)
    _bert_tokenizer(directory)
    return directory


def sentence_bert(directory: Path) -> Path:
    """A sentence-transformers model: BERT, mean pooling, normalised."""
    bert_without_head(directory)
    kinds = ("Transformer", "Pooling", "Normalize")
    modules = [
        {
            "idx": n,
            "name": str(n),
            "path": f"{n}_{kind}" if n else "",
            "type": f"sentence_transformers.models.{kind}",
        }
        for n, kind in enumerate(kinds)
    ]
    (directory / "modules.json").write_text(json.dumps(modules))
    (directory / "1_Pooling").mkdir()
    pooling = {
        "word_embedding_dimension": 16,
        "pooling_mode_mean_tokens": True,
        "pooling_mode_cls_token": False,
    }
    (directory / "1_Pooling/config.json").write_text(json.dumps(pooling))
    return directory


def distilbert(directory: Path) -> Path:
    """An encoder that takes no token types, and without a tokenizer."""
    torch.manual_seed(4)
    config = DistilBertConfig(
        vocab_size=64, dim=16, n_layers=2, n_heads=2, hidden_dim=32, max_position_embeddings=64
    )
    DistilBertModel(config).save_pretrained(directory)
    return directory


def roberta(directory: Path) -> Path:
    """An encoder that numbers positions after its padding token: 64 position embeddings hold 62 tokens."""
    torch.manual_seed(5)
    RobertaModel(RobertaConfig(**_SMALL, pad_token_id=1)).save_pretrained(directory)
    return directory


def t5(directory: Path) -> Path:
    """An encoder-decoder."""
    T5Model(T5Config(vocab_size=64, d_model=16, d_kv=8, d_ff=32, num_layers=1, num_heads=2)).save_pretrained(
        directory
    )
    return directory


def change_config(directory: Path, **changes: Any) -> None:
    """Changes keys of config.json; None removes one."""
    path = directory / "config.json"
    content = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))


def _bert_tokenizer(directory: Path) -> None:
    tokenizer = Tokenizer(
        tokenizer_models.WordPiece(
            vocab={word: index for index, word in enumerate(_WORDS)},
            unk_token="[UNK]",  # noqa: S106
        )
    )
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    BertTokenizerFast(tokenizer_object=tokenizer).save_pretrained(directory)
