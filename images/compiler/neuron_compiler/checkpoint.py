"""Reading a transformers model: configuration, weights and tokenizer, with each failure told apart."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForImageClassification,
    AutoModelForMaskedLM,
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
)

from neuron_compiler.failure import CompileError, one_line
from neuron_compiler.request import Request

_AUTO_CLASSES = {
    "feature-extraction": AutoModel,
    "text-classification": AutoModelForSequenceClassification,
    "token-classification": AutoModelForTokenClassification,
    "question-answering": AutoModelForQuestionAnswering,
    "fill-mask": AutoModelForMaskedLM,
    "image-classification": AutoModelForImageClassification,
    "image-feature-extraction": AutoModel,
}
# Any of these is a tokenizer; without one the model is served with tensors only.
_TOKENIZER_FILES = (
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "spiece.model",
    "tokenizer.model",
    "sentencepiece.bpe.model",
)
# These number positions from pad_token_id + 1 on, so that many of the position embeddings are never used.
_POSITIONS_AFTER_PADDING = {"camembert", "mpnet", "roberta", "xlm-roberta", "xlm-roberta-xl"}
# Parts that a checkpoint of another task may lack without harm: no output of the task depends on them.
_UNUSED = {
    "feature-extraction": ("pooler.",),
    # Whoever reads it looks whether its vector needs them.
    "image-feature-extraction": ("pooler.", "vision_model.pooler."),
}


@dataclass(frozen=True)
class Checkpoint:
    """A model in fp32 and evaluation mode, its configuration, and its tokenizer or None."""

    module: torch.nn.Module
    config: Any
    tokenizer: Any


def read(request: Request, directory: Path, attention: str | None) -> Checkpoint:
    """Reads the model of a directory for the request's task.

    `attention` names the attention implementation to trace (None: the model's own choice). Raises
    CompileError.
    """
    config = _read_config(request, directory)
    _check_lengths(request, config)
    tokenizer = _read_tokenizer(request, directory)
    if config.pad_token_id is None:
        # GPT-2 and its like have no padding token; what stands in padded places is masked out anyway.
        eos = config.eos_token_id
        config.pad_token_id = eos[0] if isinstance(eos, list) else eos
    if tokenizer is not None and tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    module, _ = _read_weights(request, directory, config, attention)
    return Checkpoint(module.eval().requires_grad_(False), config, tokenizer)


@dataclass(frozen=True)
class ImageCheckpoint:
    """A vision model in fp32, its configuration, and the tensors that the checkpoint lacks without harm to
    the model's other outputs.
    """

    module: torch.nn.Module
    config: Any
    missing: tuple[str, ...]


def read_image_model(request: Request, directory: Path, attention: str | None) -> ImageCheckpoint:
    """Reads the vision model of a directory for the request's task. Raises CompileError."""
    config = _read_config(request, directory)
    module, missing = _read_weights(request, directory, config, attention)
    return ImageCheckpoint(module, config, missing)


def _read_config(request: Request, directory: Path) -> Any:
    uri = request.model.uri
    content: Any = None
    try:
        content = json.loads((directory / "config.json").read_text())
        config = AutoConfig.from_pretrained(directory, trust_remote_code=request.model.trust_remote_code)
    except json.JSONDecodeError as error:
        raise CompileError(
            "ModelUnreadable", f"config.json of {uri} is not JSON ({error}): put it right."
        ) from error
    except (OSError, KeyError, ValueError, TypeError, AttributeError) as error:
        text = one_line(str(error))
        if "trust_remote_code" in text:
            raise _remote_code(uri) from error
        model_type = content.get("model_type") if isinstance(content, dict) else None
        if model_type:
            raise CompileError(
                "UnsupportedArchitecture",
                f"This image's transformers does not know the model type {model_type} of {uri}: use a newer "
                "compiler image, or another model.",
            ) from error
        raise CompileError(
            "ModelUnreadable", f"config.json of {uri} is not a transformers configuration: {text[:300]}"
        ) from error
    if config.is_encoder_decoder:
        raise CompileError(
            "UnsupportedArchitecture",
            f"{uri} ({config.model_type}) is an encoder-decoder, and {request.model.task} needs a model "
            "with one input: use an encoder or a decoder.",
        )
    return config


def _remote_code(uri: str) -> CompileError:
    return CompileError(
        "RemoteCodeRefused",
        f"{uri} runs Python code of its own: read that code, then set spec.model.trustRemoteCode to true to "
        "allow it.",
    )


def _check_lengths(request: Request, config: Any) -> None:
    limit = getattr(config, "max_position_embeddings", None)
    if not isinstance(limit, int) or limit <= 0:
        return
    if config.model_type in _POSITIONS_AFTER_PADDING:
        limit -= (config.pad_token_id or 0) + 1
    longest = max(request.options.sequence_lengths)
    if longest > limit:
        raise CompileError(
            "SequenceTooLong",
            f"The sequence length {longest} is more than the {limit} positions of {request.model.uri}: "
            "lower spec.compile.sequenceLengths.",
        )


def _read_tokenizer(request: Request, directory: Path) -> Any:
    if not any((directory / name).is_file() for name in _TOKENIZER_FILES):
        return None
    try:
        return AutoTokenizer.from_pretrained(directory, trust_remote_code=request.model.trust_remote_code)
    except Exception as error:  # tokenizers raises bare Exception for a broken file
        text = one_line(str(error))
        if "trust_remote_code" in text:
            raise _remote_code(request.model.uri) from error
        raise CompileError(
            "ModelUnreadable", f"The tokenizer of {request.model.uri} can't be read: {text[:300]}"
        ) from error


def _read_weights(
    request: Request, directory: Path, config: Any, attention: str | None
) -> tuple[torch.nn.Module, tuple[str, ...]]:
    uri, task = request.model.uri, request.model.task
    options = {"attn_implementation": attention} if attention else {}
    try:
        module, report = _AUTO_CLASSES[task].from_pretrained(
            directory,
            config=config,
            dtype=torch.float32,
            trust_remote_code=request.model.trust_remote_code,
            # A pickle may hold tensors, never code.
            weights_only=True,
            output_loading_info=True,
            **options,
        )
    except MemoryError:
        raise
    except Exception as error:  # safetensors, torch and transformers each raise their own
        text = one_line(str(error))
        if "trust_remote_code" in text:
            raise _remote_code(uri) from error
        if "Unrecognized configuration class" in text:
            raise CompileError(
                "UnsupportedArchitecture",
                f"transformers has no model of type {config.model_type} for the task {task}: choose another "
                "task or model.",
            ) from error
        raise CompileError(
            "ModelUnreadable",
            f"The weights of {uri} can't be read: {text[:500]} Check that the files are whole and of one "
            "model.",
        ) from error
    missing = sorted(name for name in report["missing_keys"] if not name.startswith(_UNUSED.get(task, ())))
    if missing:
        raise CompileError(
            "ModelUnreadable",
            f"The weights of {uri} lack {len(missing)} tensors that the task {task} needs "
            f"({', '.join(missing[:3])}): the model was trained for another task, or a file is missing.",
        )
    return module, tuple(sorted(report["missing_keys"]))
