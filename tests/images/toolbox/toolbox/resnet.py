"""A ResNet18 with the ten labels of CIFAR-10: torchvision's architecture, random weights."""

import json
from pathlib import Path

SEED = 18
LABELS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
EDGE = 32


def make(directory: Path) -> str:
    """Write weights and labels as the example expects them; say in words what they are."""
    import torch
    from safetensors.torch import save_file
    from torchvision.models import resnet18

    torch.manual_seed(SEED)
    model = resnet18(num_classes=len(LABELS)).eval()
    save_file(model.state_dict(), directory / "model.safetensors")
    config = {"id2label": dict(enumerate(LABELS)), "image_size": EDGE}
    (directory / "config.json").write_text(json.dumps(config, indent=2))
    return "a ResNet18 of ten classes with random weights"
