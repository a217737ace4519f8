"""`python -m toolbox.measure.resnet DIRECTORY`: a ResNet18 for ten classes, with random weights."""

import argparse
import json
from pathlib import Path

from toolbox.directory import appearing

SEED = 18
# What ImageNet's models take: transformers' defaults for a ResNet.
PROCESSOR = {
    "image_processor_type": "ConvNextImageProcessor",
    "do_normalize": True,
    "do_rescale": True,
    "do_resize": True,
    "crop_pct": 0.875,
    "image_mean": [0.485, 0.456, 0.406],
    "image_std": [0.229, 0.224, 0.225],
    "resample": 3,
    "size": {"shortest_edge": 224},
}


def make(directory: Path) -> None:
    """Write configuration, image processor and safetensors weights of 11 million parameters."""
    import torch
    from transformers import ResNetConfig, ResNetForImageClassification

    torch.manual_seed(SEED)
    config = ResNetConfig(
        embedding_size=64,
        hidden_sizes=[64, 128, 256, 512],
        depths=[2, 2, 2, 2],
        layer_type="basic",
        num_labels=10,
    )
    ResNetForImageClassification(config).save_pretrained(directory)
    (directory / "preprocessor_config.json").write_text(json.dumps(PROCESSOR))


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="toolbox.measure.resnet", description=__doc__)
    parser.add_argument("directory", type=Path)
    directory: Path = parser.parse_args(words).directory
    if not (directory / "config.json").is_file():
        with appearing(directory) as temporary:
            make(temporary)


if __name__ == "__main__":
    main()
