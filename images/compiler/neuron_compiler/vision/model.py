"""A vision model as it was read, whichever library it is of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch

from neuron_compiler.failure import CompileError
from neuron_compiler.vision.processor import Processor


@dataclass(frozen=True)
class VisionModel:
    """A model in fp32 and evaluation mode, and how pictures reach it and answers leave it.

    `processor` is None where the checkpoint has none: the model then takes tensors only. `labels` name its
    classes, and `function` makes scores of its logits: softmax, sigmoid or none. `own_size` is the height and
    width that its configuration names. `without_pooler`: it has a pooler whose weights the checkpoint lacks.
    `not_applied` are sentences on what of the checkpoint is not carried out.
    """

    module: torch.nn.Module
    architecture: str
    labels: tuple[str, ...]
    processor: Processor | None
    function: str
    kind: Literal["transformers", "timm", "torchvision"]
    own_size: tuple[int, int] | None = None
    attention: str | None = None
    without_pooler: bool = False
    not_applied: tuple[str, ...] = ()


def check_channels(channels: object, uri: str) -> None:
    """Raises CompileError unless a model takes pictures of three channels."""
    if channels != 3:
        raise CompileError(
            "UnsupportedArchitecture",
            f"{uri} takes pictures of {channels} channels, and doors make red, green and blue: use the task "
            "custom.",
        )
