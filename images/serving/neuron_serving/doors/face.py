"""What a client sees of a door. Needs neither numpy nor a tokenizer."""

from dataclasses import dataclass
from pathlib import Path

from neuron_artifact import Manifest

TEXT, IMAGE = "text", "image"
_IMAGE_TASKS = ("image-classification", "image-feature-extraction")


@dataclass(frozen=True)
class Public:
    """A public tensor of a door: V2 datatype, and dims without the batch (-1 is any size)."""

    name: str
    dtype: str
    dims: tuple[int, ...] = (1,)
    optional: bool = False


@dataclass(frozen=True)
class Face:
    """kind is text or image; labels are the names behind the output `scores`, where the task has them."""

    kind: str
    inputs: tuple[Public, ...]
    outputs: tuple[Public, ...]
    labels: tuple[str, ...] = ()


def kind_of(directory: Path, manifest: Manifest) -> str | None:
    """Return which door an artifact has: text, image, or None.

    A text door needs the tokenizer in its fast form; the user's own modules have no door.
    """
    if manifest.task in _IMAGE_TASKS:
        return IMAGE if (directory / "processor" / "preprocessor_config.json").is_file() else None
    return TEXT if (directory / "tokenizer" / "tokenizer.json").is_file() else None
