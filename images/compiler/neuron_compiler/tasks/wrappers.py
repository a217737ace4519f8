"""The modules that are compiled: transformers' and sentence-transformers' models called by position."""

from __future__ import annotations

import inspect
from collections.abc import Mapping

import torch

from neuron_compiler.sentence_transformers import Chain
from neuron_compiler.tasks.task import Tensors


class _Forward(torch.nn.Module):  # type: ignore[misc]  # torch is only in the images
    """A transformers model called by position, whose named output is made a tuple of tensors."""

    def __init__(self, model: torch.nn.Module, inputs: tuple[str, ...]) -> None:
        super().__init__()
        self.model = model
        self.inputs = inputs
        self.options = {"use_cache": False} if "use_cache" in parameters(model) else {}

    def outputs(self, tensors: Tensors) -> torch.Tensor:
        """The first output of the model."""
        result: torch.Tensor = self.model(**self.named(tensors), **self.options, return_dict=True)[0]
        return result

    def named(self, tensors: Tensors) -> dict[str, torch.Tensor]:
        """The inputs by name."""
        return dict(zip(self.inputs, tensors, strict=True))


class TokenFeatures(_Forward):
    """last_hidden_state: fp32 [batch, sequence, hidden]."""

    def forward(self, *tensors: torch.Tensor) -> Tensors:
        return (self.outputs(tensors),)


class TextFeatures(_Forward):
    """embedding: fp32 [batch, hidden], the mean of a text's own tokens, or its first one (Mean, Cls)."""

    def __init__(self, model: torch.nn.Module, inputs: tuple[str, ...], pooling: str) -> None:
        super().__init__(model, inputs)
        self.pooling = pooling

    def forward(self, *tensors: torch.Tensor) -> Tensors:
        hidden = self.outputs(tensors)
        if self.pooling == "Cls":
            return (hidden[:, 0],)
        mask = self.named(tensors)["attention_mask"].unsqueeze(-1).to(hidden.dtype)
        # The floor keeps a row of padding only from dividing by zero.
        return ((hidden * mask).sum(1) / mask.sum(1).clamp(min=1e-9),)


class Logits(_Forward):
    """logits: fp32 [batch, labels] of a text, [batch, sequence, labels] of its tokens, or
    [batch, sequence, vocabulary].
    """

    def forward(self, *tensors: torch.Tensor) -> Tensors:
        return (self.outputs(tensors),)


class TextLogits(_Forward):
    """logits: fp32 [batch, labels] of a text.

    Decoders classify by the last token that is not their padding, so that this is what masked places have to
    hold, whatever they came with.
    """

    def __init__(self, model: torch.nn.Module, inputs: tuple[str, ...], padding: int | None) -> None:
        super().__init__(model, inputs)
        self.padding = padding

    def named(self, tensors: Tensors) -> dict[str, torch.Tensor]:
        """The inputs by name, the padding made the model's own."""
        return padded(super().named(tensors), self.padding)

    def forward(self, *tensors: torch.Tensor) -> Tensors:
        return (self.outputs(tensors),)


class Spans(_Forward):
    """start_logits and end_logits: fp32 [batch, sequence], where an answer begins and ends."""

    def forward(self, *tensors: torch.Tensor) -> Tensors:
        result = self.model(**self.named(tensors), **self.options, return_dict=True)
        return (result.start_logits, result.end_logits)


class SentenceVectors(torch.nn.Module):  # type: ignore[misc]  # torch is only in the images
    """embedding: fp32 [batch, hidden], by the modules of a sentence-transformers model."""

    def __init__(self, chain: Chain, inputs: tuple[str, ...]) -> None:
        super().__init__()
        self.chain = chain.modules
        self.inputs = inputs
        self.extra = {"prompt_length": chain.prompt_tokens} if chain.prompt_tokens else {}
        self.size = chain.truncate_dim

    def forward(self, *tensors: torch.Tensor) -> Tensors:
        features = {**dict(zip(self.inputs, tensors, strict=True)), **self.extra, "modality": "text"}
        return (self.chain(features)["sentence_embedding"][:, : self.size],)


class PairScores(torch.nn.Module):  # type: ignore[misc]  # torch is only in the images
    """logits: fp32 [batch, labels], by the modules of a CrossEncoder, and after them an activation that the
    door does not know.
    """

    def __init__(self, chain: Chain, inputs: tuple[str, ...], padding: int | None) -> None:
        super().__init__()
        self.chain = chain.modules
        self.inputs = inputs
        self.padding = padding
        self.activation = chain.activation or torch.nn.Identity()

    def forward(self, *tensors: torch.Tensor) -> Tensors:
        named = padded(dict(zip(self.inputs, tensors, strict=True)), self.padding)
        scores = self.activation(self.chain({**named, "modality": "text"})["scores"])
        return (scores.unsqueeze(-1) if scores.ndim == 1 else scores,)


def padded(named: Mapping[str, torch.Tensor], padding: int | None) -> dict[str, torch.Tensor]:
    """The inputs with a token of padding in each place that the mask leaves out."""
    if padding is None or "attention_mask" not in named:
        return dict(named)
    ids = named["input_ids"].masked_fill(named["attention_mask"] == 0, padding)
    return {**named, "input_ids": ids}


def own_padding(model: torch.nn.Module) -> int | None:
    """The token that tells a classifier where a text ends; None where the classifier does not look for it.

    A decoder without such a token takes the last one of a text alone, and refuses several texts. It gets a
    token that no text can have: a further row of its table.
    """
    # The class itself may only hand on to the one that it is made of.
    forwards = [
        inspect.unwrap(vars(kind)["forward"]) for kind in type(model).__mro__ if "forward" in vars(kind)
    ]
    if not any("pad_token_id" in inspect.getsource(each) for each in forwards):
        return None
    config = model.config.get_text_config()
    size = int(config.vocab_size)
    # Older releases wrote -1 where there is none.
    if config.pad_token_id is None or not 0 <= config.pad_token_id < size:
        model.resize_token_embeddings(size + 1, mean_resizing=False)
        config.pad_token_id = size
        # What a request may hold is still the checkpoint's own vocabulary.
        config.vocab_size = size
    return int(config.pad_token_id)


def parameters(model: torch.nn.Module) -> Mapping[str, inspect.Parameter]:
    """The parameters of a model's `forward`."""
    return inspect.signature(model.forward).parameters
