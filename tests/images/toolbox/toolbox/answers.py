"""The answers of a model's second door, for texts or pictures, against eager mode, here."""

import io
import json
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from toolbox.ask import Array, Door, largest_difference
from toolbox.report import table

SINGLE = {"text": ["Return the sum of all numbers.", "An error is raised.", "x"]}
PAIRS = {**SINGLE, "text_pair": ["The total of a list is returned.", "Nothing happens.", "y"]}


def labels(doors: tuple[Door, ...], model: str, reference: Path, tolerance: float) -> list[str]:
    """Compare the labels and scores of texts and of pairs; return what is wrong, in words."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(reference)
    eager = AutoModelForSequenceClassification.from_pretrained(reference).eval()
    questions = {}
    for asked in (SINGLE, PAIRS):
        tokens = tokenizer(*asked.values(), padding=True, return_tensors="pt")
        with torch.inference_mode():
            scores = torch.softmax(eager(**tokens).logits, 1).numpy()
        questions[" and ".join(asked)] = (column(asked), scores)
    names = [eager.config.id2label[index] for index in range(eager.config.num_labels)]
    return compare(doors, f"{model}-text", questions, names, tolerance)


def pictures(doors: tuple[Door, ...], model: str, reference: Path, tolerance: float) -> list[str]:
    """Compare the labels and scores of pictures that torchvision's ResNet18 gives; return what is wrong."""
    files = [picture(32, 32, "PNG"), picture(640, 480, "JPEG"), picture(30, 90, "WEBP")]
    names, scores = classified(reference, files)
    questions = {"pictures": (column({"image": files}), scores)}
    return compare(doors, f"{model}-image", questions, names, tolerance)


def predictions(url: str, model: str, reference: Path, tolerance: float) -> list[str]:
    """Compare what TorchServe's own clients get for the file of a picture: labels with confidence."""
    file = picture(640, 480, "JPEG")
    names, scores = classified(reference, [file])
    request = urllib.request.Request(f"http://{url}/predictions/{model}", data=file, method="POST")
    request.add_header("Content-Type", "image/jpeg")
    with urllib.request.urlopen(request, timeout=60) as answer:
        said = json.load(answer)
    print(table(("label", "confidence"), [(label, f"{score:.4f}") for label, score in said.items()]))
    expected = dict(zip(names, scores[0].tolist(), strict=True))
    best = sorted(expected, key=lambda label: -expected[label])[: len(said)]
    failures = [
        f"{label}: {score:.4f}, expected {expected[label]:.4f}"
        for label, score in said.items()
        if not abs(score - expected[label]) <= tolerance
    ]
    return failures if set(best) == set(said) else [*failures, f"labels {list(said)}, expected {best}"]


def classified(reference: Path, files: list[bytes]) -> tuple[list[str], Array]:
    """Return the labels of a ResNet18, and its scores [pictures, labels] in eager mode."""
    import torch
    from PIL import Image
    from safetensors.torch import load_file
    from torchvision import transforms
    from torchvision.models import resnet18

    config = json.loads((reference / "config.json").read_text())
    names = [config["id2label"][str(index)] for index in range(len(config["id2label"]))]
    eager = resnet18(num_classes=len(names)).eval()
    eager.load_state_dict(load_file(reference / "model.safetensors"))
    edge = config["image_size"]
    prepare = transforms.Compose(
        [
            transforms.Resize(int(edge / 0.875)),
            transforms.CenterCrop(edge),
            transforms.ToTensor(),
            transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ]
    )
    images = torch.stack([prepare(Image.open(io.BytesIO(file)).convert("RGB")) for file in files])
    with torch.inference_mode():
        scores: Array = torch.softmax(eager(images), 1).numpy()
    return names, scores


def compare(
    doors: tuple[Door, ...],
    model: str,
    questions: Mapping[str, tuple[dict[str, Array], Array]],
    names: list[str],
    tolerance: float,
) -> list[str]:
    """Ask every question over every door and compare its scores; questions have the expected ones."""
    rows, failures = [], []
    for what, (asked, expected) in questions.items():
        for door in doors:
            answer = door.ask(model, asked)
            difference = largest_difference(answer["scores"], expected)
            rows.append((what, door.protocol, f"{difference:.1e}"))
            if not difference <= tolerance:
                failures.append(f"{what} over {door.protocol}: off by {difference:.1e}")
            said = [label.decode() for label in answer["label"][:, 0]]
            wanted = [names[index] for index in answer["scores"].argmax(1)]
            if said != wanted:
                failures.append(f"{what} over {door.protocol}: labels {said}, and the scores say {wanted}")
    print(table(("what", "protocol", "largest difference"), rows))
    return failures


def column(asked: Mapping[str, list[Any]]) -> dict[str, Array]:
    """Return lists as BYTES [batch, 1]."""
    return {
        name: np.array([row if isinstance(row, bytes) else row.encode() for row in rows], dtype=np.object_)[
            :, None
        ]
        for name, rows in asked.items()
    }


def picture(width: int, height: int, form: str) -> bytes:
    """Return the file of a picture of large spots; the same size gives the same picture."""
    from PIL import Image

    spots = np.random.default_rng(width).integers(0, 255, (8, 8, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(spots).resize((width, height), Image.Resampling.BICUBIC).save(stream, form)
    return stream.getvalue()
