"""`python -m toolbox.torture.tiny DIRECTORY`: a GPT-2 so small that a compile is little but its steps.

Its table of words is large all the same: it costs no computing, but its checksum and its way to the disk give
the publication a length at which a kill can hit it.
"""

import argparse
from pathlib import Path

from toolbox.directory import appearing

SEED = 200
WORDS = 150_000


def make(directory: Path) -> None:
    """Write configuration and safetensors weights at random; no tokenizer."""
    import torch
    from transformers import GPT2Config, GPT2Model

    torch.manual_seed(SEED)
    GPT2Model(
        GPT2Config(
            vocab_size=WORDS,
            n_positions=64,
            n_embd=32,
            n_layer=1,
            n_head=2,
            bos_token_id=WORDS - 1,
            eos_token_id=WORDS - 1,
        )
    ).save_pretrained(directory)


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="toolbox.torture.tiny", description=__doc__)
    parser.add_argument("directory", type=Path)
    directory: Path = parser.parse_args(words).directory
    if not (directory / "config.json").is_file():
        with appearing(directory) as temporary:
            make(temporary)


if __name__ == "__main__":
    main()
