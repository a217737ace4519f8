"""Everything that the sweep tries: a name, the task, and what makes the checkpoint in an empty directory."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TEXTS, IMAGES, TIMM, SENTENCES, VARIANTS = (
    "transformers",
    "pictures",
    "timm",
    "sentence-transformers",
    "variants",
)
LENGTHS = (32,)


@dataclass(frozen=True)
class Subject:
    """A checkpoint with a task. `make` writes it; `compile` are changes to the request's compile options,
    `model` to its model.
    """

    name: str
    kind: str
    task: str
    make: Callable[[Path], None]
    model: Mapping[str, Any] = field(default_factory=dict)
    compile: Mapping[str, Any] = field(default_factory=dict)


class NotMadeError(Exception):
    """The library can't make the model: a package is missing, or the tiny configuration does not fit it."""


def every() -> dict[str, Subject]:
    """All subjects by name."""
    from toolbox.models import pictures, sentences, texts, timms, variants

    found = [
        *texts.subjects(),
        *pictures.subjects(),
        *timms.subjects(),
        *sentences.subjects(),
        *variants.subjects(),
    ]
    return {subject.name: subject for subject in found}
