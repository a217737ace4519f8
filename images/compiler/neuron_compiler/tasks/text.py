"""Tasks on text: the module around a model, its inputs and outputs. The one place where these tasks
differ.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from neuron_artifact import Bucket, Input, Output, TextSettings

from neuron_compiler import checkpoint, inventory, labels, sentence_transformers
from neuron_compiler.checkpoint import Checkpoint
from neuron_compiler.failure import CompileError, classify, one_line
from neuron_compiler.request import Options, Request
from neuron_compiler.sentence_transformers import Chain
from neuron_compiler.tasks import padding, texts, wrappers
from neuron_compiler.tasks.task import Task, Tensors

_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
_ANYTHING = inspect.Parameter.VAR_KEYWORD
# What transformers' pipelines for these tasks cut to what the tokenizer allows, unasked.
_CUTTING = {"token-classification"}


@dataclass(frozen=True)
class _Model:
    """A checkpoint, with the chain of modules around it where sentence-transformers has one."""

    read: Checkpoint
    settings: TextSettings
    chain: Chain | None = None
    not_applied: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Head:
    """What a task adds to a model: the wrapper, its outputs' names, its labels or its pooling, and what makes
    scores of its logits.
    """

    module: torch.nn.Module
    names: tuple[str, ...]
    pooling: str | None = None
    labels: Any = None
    function: str | None = None


def prepare(request: Request, directory: Path, attention: str | None) -> Task:
    """The task around the model of a directory. Raises CompileError."""
    found = _read(request, directory, attention)
    model, config, tokenizer = found.read.module, found.read.config, found.read.tokenizer
    accepted = wrappers.parameters(model)
    inputs = _inputs(config, tokenizer, accepted)
    head = _head(request, found, inputs)
    pads = _pads(config, tokenizer)
    vocabulary = _vocabulary(request, config)
    if tokenizer is not None:
        texts.check(tokenizer, vocabulary, request.model.uri)
    segments = getattr(config, "type_vocab_size", None)

    def cases(batch: int, length: int) -> dict[str, Tensors]:
        return texts.cases(inputs, vocabulary, pads, batch, length, segments)

    module = head.module.eval()
    sizes = buckets(request.options)
    shortest = cases(1, sizes[0].axes["sequence"])
    outputs = _outputs(request, head, module, shortest)
    settings = _settings(model, config, accepted)
    if head.function is not None:
        settings["function_to_apply"] = head.function
    notes = (*found.not_applied, *_not_applied(request, directory, config, tokenizer, vocabulary))
    if not getattr(tokenizer, "is_fast", False) and "attention_mask" in inputs:
        mask = shortest["padded"][inputs.index("attention_mask")]
        notes += padding.told(request, module, outputs, shortest["padded"], mask)
    files = inventory.take(request.model, directory, notes)
    files.say()

    def save(artifact: Path) -> None:
        # The configuration, and the tokenizer where there is one, in the form that loads fastest.
        target = artifact / "tokenizer"
        target.mkdir(parents=True)
        config.save_pretrained(target)
        if tokenizer is not None:
            tokenizer.save_pretrained(target)
            found.settings.write(target)

    return Task(
        name=request.model.task,
        module=module,
        architecture=type(model).__name__,
        inputs=tuple(Input(name, "INT64", ("sequence",)) for name in inputs),
        outputs=outputs,
        buckets=sizes,
        cases=lambda bucket: cases(bucket.batch, bucket.axes["sequence"]),
        save=save,
        labels=_labels(request, head, outputs),
        pooling=head.pooling,
        pad_values={name: pads[name] for name in inputs},
        settings=settings,
        checkpoint=files.to_dict(),
    )


def buckets(options: Options) -> tuple[Bucket, ...]:
    """One bucket for each sequence length and batch size."""
    shapes = [(batch, length) for length in options.sequence_lengths for batch in options.batch_sizes]
    return tuple(
        Bucket(f"b{batch}_s{length}", batch, {"sequence": length}, f"buckets/b{batch}_s{length}/model")
        for batch, length in shapes
    )


def _read(request: Request, directory: Path, attention: str | None) -> _Model:
    """The model of a directory, by the library that it was made with."""
    task, pooling = request.model.task, request.model.pooling
    chain = None
    if task == "feature-extraction" and sentence_transformers.is_encoder(directory):
        if pooling == "Auto":
            chain = sentence_transformers.read_encoder(request, directory, attention)
    elif task == "text-classification" and sentence_transformers.is_cross_encoder(directory):
        chain = sentence_transformers.read_cross_encoder(request, directory, attention)
    if chain is not None:
        return _Model(chain.read, chain.settings, chain, chain.not_applied)
    read = checkpoint.read(request, directory, attention)
    not_applied = read.not_applied
    _pad(read)
    settings = TextSettings()
    if read.tokenizer is not None:
        settings = checkpoint.text_settings(read.tokenizer, cuts=task in _CUTTING)
    if sentence_transformers.is_encoder(directory):
        not_applied += (f"modules.json and what it names: spec.model.pooling is {pooling}.",)
    return _Model(read, settings, None, not_applied)


def _pad(read: Checkpoint) -> None:
    """GPT-2 and its like have no padding token; what stands in padded places is masked out anyway."""
    tokenizer = read.tokenizer
    if tokenizer is not None and tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token


def _inputs(config: Any, tokenizer: Any, accepted: Mapping[str, Any]) -> tuple[str, ...]:
    known = tokenizer.model_input_names if tokenizer is not None else ("input_ids", "attention_mask")
    # A model without a table of segments takes them and ignores them.
    segments = getattr(config, "type_vocab_size", None) != 0
    # Code of a checkpoint's own may hand on whatever it is given, and name nothing.
    anything = _INPUTS[0] not in accepted and _ANYTHING in [each.kind for each in accepted.values()]
    return tuple(
        name
        for name in _INPUTS
        if (name in known or name != "token_type_ids")
        and (name in accepted or anything)
        and (segments or name != _INPUTS[2])
    )


def _pads(config: Any, tokenizer: Any) -> dict[str, int]:
    own = getattr(tokenizer, "pad_token_id", None)
    ends = [config.pad_token_id, getattr(config, "eos_token_id", None)]
    known = [each[0] if isinstance(each, list) and each else each for each in (own, *ends)]
    size = getattr(config.get_text_config(), "vocab_size", None)
    fitting = [each for each in known if isinstance(each, int) and (size is None or 0 <= each < size)]
    return {
        "input_ids": fitting[0] if fitting else 0,
        "attention_mask": 0,
        "token_type_ids": getattr(tokenizer, "pad_token_type_id", 0),
    }


def _vocabulary(request: Request, config: Any) -> int:
    size = getattr(config.get_text_config(), "vocab_size", None)
    if not isinstance(size, int) or size <= 0:
        raise CompileError(
            "UnsupportedArchitecture",
            f"{request.model.uri} ({config.model_type}) has no vocabulary of tokens (vocab_size): a model on "
            "characters or bytes without one is not supported; use the task custom.",
        )
    return size


def _head(request: Request, found: _Model, inputs: tuple[str, ...]) -> _Head:
    model, config, task = found.read.module, found.read.config, request.model.task
    if task == "text-classification":
        padding = wrappers.own_padding(model)
        if found.chain is not None:
            scores = wrappers.PairScores(found.chain, inputs, padding)
            function = found.chain.function
            if function == "none" and found.chain.activation is None and config.num_labels > 1:
                function = labels.function_of(config, config.num_labels)
            return _Head(scores, ("logits",), None, config.id2label, function)
        logits = wrappers.TextLogits(model, inputs, padding)
        return _Head(
            logits, ("logits",), None, config.id2label, labels.function_of(config, config.num_labels)
        )
    if task == "token-classification":
        return _Head(wrappers.Logits(model, inputs), ("logits",), None, config.id2label)
    if task == "question-answering":
        return _Head(wrappers.Spans(model, inputs), ("start_logits", "end_logits"))
    if task == "fill-mask":
        return _Head(wrappers.Logits(model, inputs), ("logits",))
    if found.chain is not None:
        vectors = wrappers.SentenceVectors(found.chain, inputs)
        return _Head(vectors, ("embedding",), found.chain.pooling)
    pooling = request.model.pooling
    if pooling in ("Auto", "None"):
        return _Head(wrappers.TokenFeatures(model, inputs), ("last_hidden_state",))
    return _Head(wrappers.TextFeatures(model, inputs, pooling), ("embedding",), pooling)


def _outputs(
    request: Request, head: _Head, module: torch.nn.Module, cases: Mapping[str, Tensors]
) -> tuple[Output, ...]:
    """What a run of the eager model returns. Raises CompileError where it can't be run."""
    example = next(iter(cases.values()))
    length = example[0].shape[1]
    try:
        with torch.inference_mode():
            made = module(*example)
        shapes = [tuple(tensor.shape) for tensor in made]
    except MemoryError:
        raise
    except Exception as error:  # a model may raise whatever it likes about its inputs
        raise _cannot_run(request, error) from error
    return tuple(
        Output(name, "FP32", _dims(request, name, shape, length))
        for name, shape in zip(head.names, shapes, strict=True)
    )


def _dims(request: Request, name: str, shape: tuple[int, ...], length: int) -> tuple[int | str, ...]:
    """A shape's dimensions without the batch; all that has a sequence has it first."""
    per_token = name in ("last_hidden_state", "start_logits", "end_logits") or (
        name == "logits" and request.model.task != "text-classification"
    )
    wanted = {"last_hidden_state": 3, "start_logits": 2, "end_logits": 2, "embedding": 2}.get(
        name, 3 if per_token else 2
    )
    if len(shape) != wanted or (per_token and shape[1] != length):
        raise CompileError(
            "UnsupportedArchitecture",
            f"{request.model.uri} returns {name} of the shape {list(shape)} for one text of {length} "
            f"tokens, which is not what the task {request.model.task} has: choose another task, or "
            "use the task custom.",
        )
    return ("sequence", *shape[2:]) if per_token else shape[1:]


def _cannot_run(request: Request, error: Exception) -> CompileError:
    told = classify(error)
    if told.reason != "CompilerCrashed":
        return told
    text = one_line(str(error)) or type(error).__name__
    return CompileError(
        "UnsupportedArchitecture",
        f"{request.model.uri} can't be run on tokens and their mask alone ({type(error).__name__}: "
        f"{text[:400]}): it needs other inputs or another configuration; use the task custom.",
    )


def _labels(request: Request, head: _Head, outputs: tuple[Output, ...]) -> tuple[str, ...] | None:
    if head.labels is None:
        return None
    return labels.of_mapping(head.labels, int(outputs[0].dims[-1]), request.model.uri)


def _settings(model: torch.nn.Module, config: Any, accepted: Mapping[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = {"attn_implementation": getattr(config, "_attn_implementation", None)}
    if "use_cache" in accepted:
        said["use_cache"] = False
    said["pad_token_id"] = config.pad_token_id
    return {name: value for name, value in said.items() if value is not None}


def _not_applied(
    request: Request, directory: Path, config: Any, tokenizer: Any, vocabulary: int
) -> list[str]:
    """What a user may take for granted, and the artifact does not do."""
    said = []
    if tokenizer is None:
        said.append("There is no tokenizer, so that the model is served with tensors only.")
    elif not getattr(tokenizer, "is_fast", False):
        said.append(
            f"The tokenizer {type(tokenizer).__name__} is Python code without a fast form (tokenizer.json), "
            "so that the model is served with tensors only."
        )
    elif (beyond := len(tokenizer) - vocabulary) > 0:
        said.append(
            f"{beyond} tokens of the tokenizer are beyond the model's {vocabulary}: texts with them are "
            "refused."
        )
    if not request.model.trust_remote_code:
        said += inventory.code_left(directory)
    specific = (getattr(config, "task_specific_params", None) or {}).get(request.model.task)
    if specific:
        said.append(f"task_specific_params of config.json for {request.model.task}: {', '.join(specific)}.")
    return said
