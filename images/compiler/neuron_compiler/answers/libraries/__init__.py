"""The libraries that define what a checkpoint answers, called as their users call them.

Nothing here knows how this project reads a checkpoint: files reach the libraries through their own Auto
classes, tokenizers, processors and transforms. One text or picture is asked at a time: nothing is padded.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from neuron_compiler.answers.example import Example
from neuron_compiler.answers.expected import Expected
from neuron_compiler.request import Request
from neuron_compiler.sentence_transformers import is_cross_encoder, is_encoder


class Library(Protocol):
    """The model of a directory as its own library has it, in eager fp32 on the CPU."""

    name: str

    def examples(self) -> list[Example]:
        """What to ask, the most telling first, without answers."""

    def answer(self, example: Example, row: int) -> Expected:
        """The answer to one row. Raises what the library raises."""


def open_library(request: Request, directory: Path, labels: Sequence[str]) -> Library:
    """The library of a request's task. Raises what the library raises.

    `labels` name the classes of weights that come without any name of theirs.
    """
    # Imported here: each takes seconds, and one is needed.
    if request.model.task == "image-classification":
        from neuron_compiler.answers.libraries import images

        return images.open_images(request, directory, labels)
    if request.model.task == "image-feature-extraction":
        from neuron_compiler.answers.libraries import features

        return features.open_features(request, directory)
    pools = request.model.task == "feature-extraction" and request.model.pooling == "Auto"
    if pools and is_encoder(directory):
        from neuron_compiler.answers.libraries import sentences

        return sentences.Sentences(request, directory)
    if request.model.task == "text-classification" and is_cross_encoder(directory):
        from neuron_compiler.answers.libraries import pairs

        return pairs.Pairs(request, directory)
    from neuron_compiler.answers.libraries import texts

    return texts.open_texts(request, directory)
