"""A model directory as an interrupted copy leaves it: a good configuration and corrupt weights."""

import json
from pathlib import Path

CONFIG = {
    "architectures": ["GPT2LMHeadModel"],
    "model_type": "gpt2",
    "n_layer": 2,
    "n_embd": 768,
    "n_head": 12,
    "vocab_size": 50257,
}


def corrupt(directory: Path) -> str:
    """Write the directory; return what it is, in words."""
    (directory / "config.json").write_text(json.dumps(CONFIG))
    # A safetensors file begins with the length of its header in 8 bytes: more than this one has.
    (directory / "model.safetensors").write_bytes(b"\xff" * 4096)
    return "a GPT-2 configuration with corrupt weights"
