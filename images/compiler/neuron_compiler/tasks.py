"""What each task computes: the module that is traced, its inputs and its outputs. The one place where tasks
differ.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from neuron_artifact import Output

from neuron_compiler.checkpoint import Checkpoint
from neuron_compiler.request import Request
from neuron_compiler.sentence_transformers import Pooling, resolve_pooling

Tensors = tuple[torch.Tensor, ...]
_INPUTS = ("input_ids", "attention_mask", "token_type_ids")


@dataclass(frozen=True)
class Task:
    """A module to trace: called positionally with int tensors [batch, sequence] in the order of `inputs`.

    It returns the `outputs` as a tuple of fp32 tensors. `pad_values` fill the places of a shorter text,
    `labels` name the columns of logits.
    """

    module: torch.nn.Module
    inputs: tuple[str, ...]
    outputs: tuple[Output, ...]
    pad_values: Mapping[str, int]
    labels: tuple[str, ...] | None
    vocabulary: int


class _Forward(torch.nn.Module):  # type: ignore[misc]  # torch is only in the images
    """A transformers model called by position, whose named output is made a tuple of tensors."""

    def __init__(self, model: torch.nn.Module, inputs: tuple[str, ...]) -> None:
        super().__init__()
        self.model = model
        self.inputs = inputs
        self.options = {"use_cache": False} if "use_cache" in _parameters(model) else {}

    def outputs(self, tensors: Tensors) -> torch.Tensor:
        """The first output of the model."""
        named = dict(zip(self.inputs, tensors, strict=True))
        result: torch.Tensor = self.model(**named, **self.options, return_dict=True)[0]
        return result


class TokenFeatures(_Forward):
    """last_hidden_state: fp32 [batch, sequence, hidden]."""

    def forward(self, *tensors: torch.Tensor) -> Tensors:
        return (self.outputs(tensors),)


class TextFeatures(_Forward):
    """embedding: fp32 [batch, hidden], pooled over a text's own tokens; its length is 1 where `normalize`."""

    def __init__(self, model: torch.nn.Module, inputs: tuple[str, ...], pooling: Pooling) -> None:
        super().__init__(model, inputs)
        self.pooling = pooling

    def forward(self, *tensors: torch.Tensor) -> Tensors:
        hidden = self.outputs(tensors)
        if self.pooling.kind == "Cls":
            pooled = hidden[:, 0]
        else:
            mask = tensors[self.inputs.index("attention_mask")].unsqueeze(-1).to(hidden.dtype)
            # As sentence-transformers does; the floor keeps a row of padding only from dividing by zero.
            pooled = (hidden * mask).sum(1) / mask.sum(1).clamp(min=1e-9)
        return (torch.nn.functional.normalize(pooled, p=2.0, dim=1) if self.pooling.normalize else pooled,)


class Logits(_Forward):
    """logits: fp32 [batch, labels] of a text, [batch, sequence, labels] of its tokens, or
    [batch, sequence, vocabulary].
    """

    def forward(self, *tensors: torch.Tensor) -> Tensors:
        return (self.outputs(tensors),)


class Spans(_Forward):
    """start_logits and end_logits: fp32 [batch, sequence], where an answer begins and ends."""

    def forward(self, *tensors: torch.Tensor) -> Tensors:
        named = dict(zip(self.inputs, tensors, strict=True))
        result = self.model(**named, **self.options, return_dict=True)
        return (result.start_logits, result.end_logits)


def prepare(request: Request, checkpoint: Checkpoint, directory: Path) -> Task:
    """The task's module around the model of a checkpoint. Raises CompileError."""
    model, config, tokenizer = checkpoint.module, checkpoint.config, checkpoint.tokenizer
    known = tokenizer.model_input_names if tokenizer is not None else ("input_ids", "attention_mask")
    accepted = _parameters(model)
    inputs = tuple(name for name in _INPUTS if name in known and name in accepted)
    pads = {
        "input_ids": config.pad_token_id or 0,
        "attention_mask": 0,
        "token_type_ids": getattr(tokenizer, "pad_token_type_id", 0),
    }
    if tokenizer is not None and tokenizer.pad_token_id is not None:
        pads["input_ids"] = tokenizer.pad_token_id
    module, outputs, labels = _module(request, model, config, inputs, directory)
    return Task(
        module=module.eval(),
        inputs=inputs,
        outputs=outputs,
        pad_values={name: pads[name] for name in inputs},
        labels=labels,
        vocabulary=int(config.get_text_config().vocab_size),
    )


def _module(
    request: Request, model: torch.nn.Module, config: Any, inputs: tuple[str, ...], directory: Path
) -> tuple[torch.nn.Module, tuple[Output, ...], tuple[str, ...] | None]:
    task = request.model.task
    if task == "text-classification":
        labels = _labels(config)
        return Logits(model, inputs), (Output("logits", "FP32", (len(labels),)),), labels
    if task == "token-classification":
        labels = _labels(config)
        return Logits(model, inputs), (Output("logits", "FP32", ("sequence", len(labels))),), labels
    if task == "question-answering":
        names = ("start_logits", "end_logits")
        return Spans(model, inputs), tuple(Output(name, "FP32", ("sequence",)) for name in names), None
    if task == "fill-mask":
        vocabulary = int(config.get_text_config().vocab_size)
        return Logits(model, inputs), (Output("logits", "FP32", ("sequence", vocabulary)),), None
    hidden = int(config.hidden_size)
    pooling = resolve_pooling(request.model.pooling, directory)
    if pooling.kind == "None":
        output = Output("last_hidden_state", "FP32", ("sequence", hidden))
        return TokenFeatures(model, inputs), (output,), None
    return TextFeatures(model, inputs, pooling), (Output("embedding", "FP32", (hidden,)),), None


def _labels(config: Any) -> tuple[str, ...]:
    names: Mapping[int, str] = config.id2label
    return tuple(names[index] for index in range(len(names)))


def _parameters(model: torch.nn.Module) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(model.forward).parameters
