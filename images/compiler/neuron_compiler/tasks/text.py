"""Tasks on text: the module around a transformers model, its inputs and outputs. The one place where these
tasks differ.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from neuron_artifact import Bucket, Input, Output

from neuron_compiler import checkpoint
from neuron_compiler.request import Options, Request
from neuron_compiler.sentence_transformers import Pooling, resolve_pooling
from neuron_compiler.tasks import texts
from neuron_compiler.tasks.task import Task, Tensors

_INPUTS = ("input_ids", "attention_mask", "token_type_ids")


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


@dataclass(frozen=True)
class _Head:
    """What a task adds to a model: the wrapper, what it returns, and its labels or its pooling."""

    module: torch.nn.Module
    outputs: tuple[Output, ...]
    labels: tuple[str, ...] | None = None
    pooling: str | None = None


def prepare(request: Request, directory: Path, attention: str | None) -> Task:
    """The task around the transformers model of a directory. Raises CompileError."""
    read = checkpoint.read(request, directory, attention)
    model, config, tokenizer = read.module, read.config, read.tokenizer
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
    head = _head(request, model, config, inputs, directory)
    vocabulary = int(config.get_text_config().vocab_size)

    def save(artifact: Path) -> None:
        # The configuration, and the tokenizer where there is one, in the form that loads fastest.
        target = artifact / "tokenizer"
        target.mkdir(parents=True)
        config.save_pretrained(target)
        if tokenizer is not None:
            tokenizer.save_pretrained(target)

    return Task(
        name=request.model.task,
        module=head.module.eval(),
        architecture=type(model).__name__,
        inputs=tuple(Input(name, "INT64", ("sequence",)) for name in inputs),
        outputs=head.outputs,
        buckets=buckets(request.options),
        cases=lambda bucket: texts.cases(inputs, vocabulary, pads, bucket.batch, bucket.axes["sequence"]),
        save=save,
        labels=head.labels,
        pooling=head.pooling,
        pad_values={name: pads[name] for name in inputs},
        settings=_settings(model, config, accepted),
    )


def buckets(options: Options) -> tuple[Bucket, ...]:
    """One bucket for each sequence length and batch size."""
    shapes = [(batch, length) for length in options.sequence_lengths for batch in options.batch_sizes]
    return tuple(
        Bucket(f"b{batch}_s{length}", batch, {"sequence": length}, f"buckets/b{batch}_s{length}/model")
        for batch, length in shapes
    )


def _settings(model: torch.nn.Module, config: Any, accepted: Mapping[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = {"attn_implementation": getattr(config, "_attn_implementation", None)}
    if "use_cache" in accepted:
        said["use_cache"] = False
    said["pad_token_id"] = config.pad_token_id
    return {name: value for name, value in said.items() if value is not None}


def _head(
    request: Request, model: torch.nn.Module, config: Any, inputs: tuple[str, ...], directory: Path
) -> _Head:
    task = request.model.task
    if task == "text-classification":
        labels = _labels(config)
        return _Head(Logits(model, inputs), (Output("logits", "FP32", (len(labels),)),), labels)
    if task == "token-classification":
        labels = _labels(config)
        return _Head(Logits(model, inputs), (Output("logits", "FP32", ("sequence", len(labels))),), labels)
    if task == "question-answering":
        names = ("start_logits", "end_logits")
        return _Head(Spans(model, inputs), tuple(Output(name, "FP32", ("sequence",)) for name in names))
    if task == "fill-mask":
        vocabulary = int(config.get_text_config().vocab_size)
        return _Head(Logits(model, inputs), (Output("logits", "FP32", ("sequence", vocabulary)),))
    hidden = int(config.hidden_size)
    pooling = resolve_pooling(request.model.pooling, directory)
    if pooling.kind == "None":
        output = Output("last_hidden_state", "FP32", ("sequence", hidden))
        return _Head(TokenFeatures(model, inputs), (output,))
    output = Output("embedding", "FP32", (hidden,))
    return _Head(TextFeatures(model, inputs, pooling), (output,), pooling=pooling.kind)


def _labels(config: Any) -> tuple[str, ...]:
    names: Mapping[int, str] = config.id2label
    return tuple(names[index] for index in range(len(names)))


def _parameters(model: torch.nn.Module) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(model.forward).parameters
