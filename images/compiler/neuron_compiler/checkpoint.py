"""Reading a transformers model: configuration, weights and tokenizer, with each failure told apart."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from neuron_artifact import TextSettings
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

from neuron_compiler import inventory, jsonfile, labels, sizes
from neuron_compiler.failure import CompileError, one_line
from neuron_compiler.pretrained import weights
from neuron_compiler.request import Request
from neuron_compiler.sources import files

_AUTO_CLASSES = {
    "feature-extraction": AutoModel,
    "text-classification": AutoModelForSequenceClassification,
    "token-classification": AutoModelForTokenClassification,
    "question-answering": AutoModelForQuestionAnswering,
    "fill-mask": AutoModelForMaskedLM,
    "image-classification": AutoModelForImageClassification,
    "image-feature-extraction": AutoModel,
}
# Heads whose tensors have the same names and shapes in many models, by the ends of their classes' names, with
# the task that they were trained for.
_LIKE_HEADS = {
    "ForSequenceClassification": "text-classification",
    "ForTokenClassification": "token-classification",
    "ForMultipleChoice": "custom",
}
_POSITIONS = "position_embeddings"
# Parts that a checkpoint of another task may lack without harm: no output of the task depends on them.
_UNUSED = {
    "feature-extraction": ("pooler.",),
    # Whoever reads it looks whether its vector needs them.
    "image-feature-extraction": ("pooler.", "vision_model.pooler."),
}
# Tensors beside a layer's own that change what it computes.
_CHANGES_OTHERS = re.compile(
    r"\.(lora_|ia3_|loras\.|adapters?\.|prefix_tunings?\.|qweight|qzeros|weight_packed|weight_scale"
    r"|weight_scale_inv|input_scale|absmax|quant_map|SCB\b)"
)
_COMPUTED = re.compile(
    r"(position_ids|inv_freq|masked_bias|attn\.bias|attention\.bias|relative_position_index)$"
)
# More than any text has: transformers' own sign of a tokenizer that does not limit texts.
_NO_LIMIT = 1_000_000


@dataclass(frozen=True)
class Checkpoint:
    """A model in fp32 and evaluation mode, its configuration, and its tokenizer or None; `not_applied` are
    sentences on weights that have no place in it.
    """

    module: torch.nn.Module
    config: Any
    tokenizer: Any
    not_applied: tuple[str, ...] = ()


def read(request: Request, directory: Path, attention: str | None) -> Checkpoint:
    """Reads the model of a directory for the request's task.

    `attention` names the attention implementation to trace (None: the model's own choice). Raises
    CompileError.
    """
    inventory.check(request.model, directory)
    config = _read_config(request, directory)
    check_lengths(request, config)
    tokenizer = read_tokenizer(request, directory)
    module, _, said = _read_weights(request, directory, config, attention)
    check_positions(request, module)
    return Checkpoint(module.eval().requires_grad_(False), config, tokenizer, said)


@dataclass(frozen=True)
class ImageCheckpoint:
    """A vision model in fp32, its configuration, the tensors that the checkpoint lacks without harm to the
    model's other outputs, and sentences on weights that have no place in it.
    """

    module: torch.nn.Module
    config: Any
    missing: tuple[str, ...]
    not_applied: tuple[str, ...] = ()


def read_image_model(request: Request, directory: Path, attention: str | None) -> ImageCheckpoint:
    """Reads the vision model of a directory for the request's task. Raises CompileError."""
    inventory.check(request.model, directory)
    config = _read_config(request, directory)
    module, missing, said = _read_weights(request, directory, config, attention)
    return ImageCheckpoint(module, config, missing, said)


@contextmanager
def reading(uri: str, what: str) -> Iterator[None]:
    """Makes ModelUnreadable of whatever a library raises about `what` of a model's files."""
    try:
        yield
    except (CompileError, MemoryError):
        raise
    except Exception as error:  # each library raises its own about a file that is not as it should be
        text = one_line(str(error)) or type(error).__name__
        if "trust_remote_code" in text:
            raise remote_code(uri) from error
        raise CompileError("ModelUnreadable", f"{what} of {uri} can't be read: {text[:500]}") from error


def text_settings(tokenizer: Any, cuts: bool) -> TextSettings:
    """How transformers makes tokens of texts with a tokenizer; `cuts` tells whether the task's pipeline cuts
    every text to what the tokenizer allows.
    """
    limit = token_limit(tokenizer)
    return TextSettings(
        max_tokens=limit if cuts else None,
        cut_to=limit,
        truncation_side=tokenizer.truncation_side,
        split_special_tokens=bool(getattr(tokenizer, "split_special_tokens", False)),
        mask_token=getattr(tokenizer, "mask_token", None),
        unk_token=getattr(tokenizer, "unk_token", None),
        cls_token=getattr(tokenizer, "cls_token", None),
        # Those who train such models put the side that is cut second, next to the padding.
        context_first=tokenizer.padding_side == "left",
    )


def token_limit(tokenizer: Any) -> int | None:
    """How many tokens a tokenizer lets a text have; None where it does not say."""
    limit = tokenizer.model_max_length
    return int(limit) if isinstance(limit, int | float) and 0 < limit < _NO_LIMIT else None


def remote_code(uri: str) -> CompileError:
    """The refusal to run a model's own code unasked."""
    return CompileError(
        "RemoteCodeRefused",
        f"{uri} runs Python code of its own: read that code, then set spec.model.trustRemoteCode to true to "
        "allow it.",
    )


def check_lengths(request: Request, config: Any) -> None:
    """Raises CompileError where the longest bucket has more positions than the model."""
    limit = getattr(config, "max_position_embeddings", None)
    if isinstance(limit, int) and limit > 0:
        _check_longest(request, limit)


def check_positions(request: Request, module: torch.nn.Module) -> None:
    """Raises CompileError where the longest bucket has more positions than the model's table of them.

    RoBERTa and its many relatives number positions from the padding token's number on, so that the rows up to
    it are never used.
    """
    for name, part in module.named_modules():
        before, weight = getattr(part, "padding_idx", None), getattr(part, "weight", None)
        if name.rpartition(".")[2] == _POSITIONS and isinstance(before, int) and weight is not None:
            _check_longest(request, len(weight) - before - 1)


def _check_longest(request: Request, limit: int) -> None:
    longest = max(request.options.sequence_lengths)
    if longest > limit:
        raise CompileError(
            "SequenceTooLong",
            f"The sequence length {longest} is more than the {limit} positions of {request.model.uri}: "
            "lower spec.compile.sequenceLengths.",
        )


def read_tokenizer(request: Request, directory: Path) -> Any:
    """The tokenizer of a directory, None where it has none. Raises CompileError."""
    uri = request.model.uri
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            directory, trust_remote_code=request.model.trust_remote_code, local_files_only=True
        )
    except Exception as error:  # tokenizers raises bare Exception for a broken file
        text = one_line(str(error))
        if "trust_remote_code" in text:
            raise remote_code(uri) from error
        if not _has_tokenizer(directory):
            return None
        raise CompileError(
            "ModelUnreadable", f"The tokenizer of {uri} can't be read: {text[:300]}"
        ) from error
    return tokenizer if _has_tokenizer(directory) else None


def _has_tokenizer(directory: Path) -> bool:
    """Whether a file holds a vocabulary: without one transformers may make an empty tokenizer."""
    names = ("tokenizer.json", "vocab.txt", "vocab.json", "tekken.json")
    return any((directory / name).is_file() for name in names) or any(
        path.suffix in (".model", ".tiktoken", ".vocab") for path in directory.iterdir() if path.is_file()
    )


def _read_config(request: Request, directory: Path) -> Any:
    uri = request.model.uri
    try:
        content = jsonfile.read(directory / "config.json")
    except ValueError as error:
        raise CompileError(
            "ModelUnreadable", f"config.json of {uri} is not JSON ({error}): put it right."
        ) from error
    except OSError as error:
        raise _config_error(uri, None, one_line(str(error))) from error
    sizes.check(content, uri)
    try:
        config = AutoConfig.from_pretrained(
            directory, trust_remote_code=request.model.trust_remote_code, local_files_only=True
        )
    except Exception as error:  # configurations of every kind check themselves in their own ways
        raise _config_error(uri, content, one_line(str(error)) or type(error).__name__) from error
    if config.is_encoder_decoder:
        raise CompileError(
            "UnsupportedArchitecture",
            f"{uri} ({config.model_type}) is an encoder-decoder, and {request.model.task} needs a model "
            "with one input: use an encoder or a decoder.",
        )
    _check_head(request, config)
    return config


def _check_head(request: Request, config: Any) -> None:
    """Raises CompileError for the head of another task, which would be read as this one's without a word."""
    named = [str(name) for name in getattr(config, "architectures", None) or ()]
    own = {task: name for name in named for end, task in _LIKE_HEADS.items() if name.endswith(end)}
    asked = request.model.task
    if asked in _LIKE_HEADS.values() and own and asked not in own:
        task, name = next(iter(own.items()))
        raise CompileError(
            "UnsupportedArchitecture",
            f"config.json of {request.model.uri} says that it is a {name}, whose weights mean something else "
            f"in the task {asked}: set spec.model.task to {task}, or correct architectures there.",
        )


def _config_error(uri: str, content: Any, text: str) -> CompileError:
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

    if "trust_remote_code" in text:
        return remote_code(uri)
    if not isinstance(content, dict):
        return CompileError(
            "ModelUnreadable", f"config.json of {uri} is no JSON object: write one, with model_type."
        )
    if "id2label" in content and (told := labels.not_numbered(content["id2label"], uri)) is not None:
        return told
    model_type = content.get("model_type")
    if model_type and model_type not in CONFIG_MAPPING_NAMES:
        return CompileError(
            "UnsupportedArchitecture",
            f"This image's transformers does not know the model type {model_type} of {uri}: use a newer "
            "compiler image, or another model.",
        )
    return CompileError(
        "ModelUnreadable",
        f"config.json of {uri} is not a transformers configuration: {text[:300]}",
    )


def _read_weights(
    request: Request, directory: Path, config: Any, attention: str | None
) -> tuple[torch.nn.Module, tuple[str, ...], tuple[str, ...]]:
    uri, task = request.model.uri, request.model.task
    if not request.model.trust_remote_code:
        check_size(_AUTO_CLASSES[task], config, directory, uri)
    options = {"attn_implementation": attention} if attention else {}
    try:
        module, report = _AUTO_CLASSES[task].from_pretrained(
            directory,
            config=config,
            **weights(),
            trust_remote_code=request.model.trust_remote_code,
            local_files_only=True,
            output_loading_info=True,
            # Told in this project's words: transformers' point at a report in the log.
            ignore_mismatched_sizes=True,
            **options,
        )
    except MemoryError:
        raise
    except Exception as error:  # safetensors, torch and transformers each raise their own
        text = one_line(str(error)) or type(error).__name__
        if "trust_remote_code" in text:
            raise remote_code(uri) from error
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
    said = check_loaded(uri, task, module, report)
    return module, tuple(sorted(report["missing_keys"])), said


def check_size(library: Any, config: Any, directory: Path, uri: str) -> None:
    """Raises CompileError where a configuration describes a model far larger than the weights that are there.

    What can't be made of it at all, its loader tells of.
    """
    if not hasattr(torch.device, "__enter__"):  # the family neuron's torch has no device meta to build on
        return
    try:
        with torch.device("meta"):
            empty = library.from_config(config)
    except Exception:
        return
    sizes.check_weights(empty, files.loaded(directory), uri)


def check_loaded(uri: str, task: str, module: torch.nn.Module, report: Any) -> tuple[str, ...]:
    """Raises CompileError where transformers' report tells of tensors that it had to invent, or of ones that
    change the answers and have no place in the model; returns a sentence on others that have none.
    """
    odd = sorted(tuple(each) for each in report["mismatched_keys"])
    if odd:
        name, given, wanted = odd[0]
        raise CompileError(
            "ModelUnreadable",
            f"The weights of {uri} are not those of its config.json: {name} is {_by(given)} in the weights "
            f"and {_by(wanted)} by config.json ({len(odd)} tensors differ): correct config.json (its labels "
            "or num_labels, vocab_size, hidden_size), or take the weights that belong to it.",
        )
    unread = sorted(report["unexpected_keys"])
    if changing := [name for name in unread if _CHANGES_OTHERS.search(name)]:
        raise CompileError(
            "UnsupportedArchitecture",
            f"The weights of {uri} hold {len(changing)} tensors of an adapter or of quantised layers "
            f"({', '.join(changing[:3])}), which are not applied here: merge or unpack them, and save plain "
            "weights.",
        )
    if left := [name for name in unread if _is_left_out(module, name)]:
        raise CompileError(
            "ModelUnreadable",
            f"The weights of {uri} hold {len(left)} tensors ({', '.join(left[:3])}) of layers that have none "
            "such by config.json, and would compute something else without them: correct config.json "
            "(attention_bias, bias, architectures), or take the weights that belong to it.",
        )
    missing = sorted(name for name in report["missing_keys"] if not name.startswith(_UNUSED.get(task, ())))
    if missing:
        others = f" It has others instead ({', '.join(unread[:3])})." if unread else ""
        raise CompileError(
            "ModelUnreadable",
            f"The weights of {uri} lack {len(missing)} tensors that the task {task} needs "
            f"({', '.join(missing[:3])}): the model was trained for another task, or its tensors were saved "
            f"under other names, or a file is missing.{others}",
        )
    parts = {name.partition(".")[0] for name, _ in module.named_parameters()}
    # Heads of other tasks, and tables that are computed, are left by everybody.
    own = [name for name in unread if name.partition(".")[0] in parts and not _COMPUTED.search(name)]
    if not own:
        return ()
    return (f"{len(own)} tensors of the weights have no place in the model ({', '.join(own[:3])}).",)


def _is_left_out(module: torch.nn.Module, name: str) -> bool:
    """Whether a layer of the model was made without this tensor, such as one without a bias."""
    place, _, own = name.rpartition(".")
    layer: Any = module
    for part in place.split(".") if place else ():
        layer = getattr(layer, "_modules", {}).get(part)
    return own in getattr(layer, "_parameters", {}) and layer._parameters[own] is None


def _by(shape: Any) -> str:
    return " x ".join(str(size) for size in shape)
