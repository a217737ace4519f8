"""A GPT-2 made on the spot: real architecture, random weights, a tokenizer trained on Python's docs."""

import ast
import os
from collections.abc import Iterator
from pathlib import Path

SEED = 124
CONTEXT = 1024
END = "<|endoftext|>"
# As many words as the documentation strings of Python's library support; GPT-2's table has room for 50257.
TOKENIZER_SIZE = 8192


def make(directory: Path, layers: int) -> str:
    """Write config, safetensors weights and tokenizer in Hugging Face layout; say in words what they are."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    end = tokenizer(directory)
    torch.manual_seed(SEED)
    config = GPT2Config(n_layer=layers, n_positions=CONTEXT, bos_token_id=end, eos_token_id=end)
    model = GPT2LMHeadModel(config).eval()
    model.save_pretrained(directory)
    millions = sum(weight.numel() for weight in model.parameters()) / 1e6
    return (
        f"a GPT-2 of {layers} layers and {millions:.0f} million parameters with random weights "
        f"(seed {SEED}), and a tokenizer of {TOKENIZER_SIZE} words trained on Python's documentation strings"
    )


def tokenizer(directory: Path) -> int:
    """Train and save a byte-level BPE tokenizer; return the id of its end-of-text token."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    bpe.post_processor = processors.ByteLevel(trim_offsets=False)
    trainer = trainers.BpeTrainer(
        vocab_size=TOKENIZER_SIZE,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(documentation(), trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=bpe, bos_token=END, eos_token=END, unk_token=END, model_max_length=CONTEXT
    )
    fast.save_pretrained(directory)
    return int(fast.eos_token_id)


def documentation() -> Iterator[str]:
    """Yield the documentation strings of Python's standard library, in the order of the files' names."""
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for path in sorted(Path(os.__file__).parent.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8", errors="replace"))):
            if isinstance(node, kinds) and (text := ast.get_docstring(node)):
                yield text


def download(repository: str, directory: Path) -> str:
    """Download a model's configuration, tokenizer and safetensors weights; return what it was, in words."""
    from huggingface_hub import snapshot_download

    snapshot_download(
        repository, local_dir=directory, allow_patterns=["*.json", "*.txt", "model*.safetensors"]
    )
    return f"{repository} from the model hub, with its own weights"
