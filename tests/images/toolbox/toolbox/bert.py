"""BERTs made on the spot: real architecture and tokenizer, random weights."""

from pathlib import Path
from typing import Any

from toolbox.gpt2 import documentation

SEED = 340
TOKENIZER_SIZE = 4096
# Hidden size, attention heads and width of the feed-forward of the published sizes.
SIZES = {"base": (768, 12, 3072), "large": (1024, 16, 4096), "small": (128, 2, 512)}
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def make(directory: Path, size: str, layers: int, labels: list[str]) -> str:
    """Write config, safetensors weights and tokenizer in Hugging Face layout; say in words what they are.

    With labels it is a classifier of texts and of pairs, without it an encoder.
    """
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertModel

    words = tokenizer(directory)
    torch.manual_seed(SEED)
    hidden, heads, feed_forward = SIZES[size]
    named: dict[str, Any] = {
        "id2label": dict(enumerate(labels)),
        "label2id": {name: index for index, name in enumerate(labels)},
    }
    config = BertConfig(
        vocab_size=words,
        hidden_size=hidden,
        num_attention_heads=heads,
        intermediate_size=feed_forward,
        num_hidden_layers=layers,
        **(named if labels else {}),
    )
    model = (BertForSequenceClassification if labels else BertModel)(config).eval()
    model.save_pretrained(directory)
    millions = sum(weight.numel() for weight in model.parameters()) / 1e6
    return f"a BERT-{size} of {layers} layers and {millions:.0f} million parameters with random weights"


def tokenizer(directory: Path) -> int:
    """Train and save a WordPiece tokenizer that tells two texts apart; return the number of its words."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import BertTokenizerFast

    pieces = Tokenizer(models.WordPiece(unk_token=SPECIAL[1]))
    pieces.normalizer = normalizers.BertNormalizer(lowercase=True)
    pieces.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=TOKENIZER_SIZE, special_tokens=list(SPECIAL), show_progress=False
    )
    pieces.train_from_iterator(documentation(), trainer)
    pieces.post_processor = processors.BertProcessing(
        *((word, pieces.token_to_id(word)) for word in ("[SEP]", "[CLS]"))
    )
    BertTokenizerFast(tokenizer_object=pieces).save_pretrained(directory)
    return int(pieces.get_vocab_size())
