"""A task: everything that the rest of the compiler needs to know of a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from neuron_artifact import Bucket, Input, Output

Tensors = tuple[torch.Tensor, ...]


@dataclass(frozen=True)
class Task:
    """A module to compile: called positionally with tensors [batch, ...] in the order of `inputs`, it returns
    the `outputs` as a tuple.

    `buckets` are the shapes asked for, the smallest first and the largest last; their paths have no suffix
    yet: that is the backend's. `cases` makes a bucket's example inputs by the name of the case, in the public
    datatypes and the order of `inputs`; the last one is compiled with. `save` writes what a server needs
    beside the modules (tokenizer, processor, configuration) into an artifact's directory.

    `pad_values` fill the places of a shorter text, `labels` name the columns of logits. `architecture` is the
    model's class, `settings` what was set on it, `pooling` how a text's vector is made (None: it is not),
    `checkpoint` which of the model's files were read and which were not.
    """

    name: str
    module: torch.nn.Module
    architecture: str
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    buckets: tuple[Bucket, ...]
    cases: Callable[[Bucket], Mapping[str, Tensors]]
    save: Callable[[Path], None]
    labels: tuple[str, ...] | None = None
    pooling: str | None = None
    pad_values: Mapping[str, int] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    checkpoint: Mapping[str, Any] = field(default_factory=dict)

    @property
    def mask_index(self) -> int | None:
        """Where the inputs have the attention mask."""
        names = [tensor.name for tensor in self.inputs]
        return names.index("attention_mask") if "attention_mask" in names else None
