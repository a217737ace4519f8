"""Models of sentence-transformers: their whole chain of modules, read and carried out by that library."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from neuron_artifact import TextSettings

from neuron_compiler import checkpoint, inventory, jsonfile, sizes
from neuron_compiler.checkpoint import Checkpoint
from neuron_compiler.failure import CompileError
from neuron_compiler.request import Request

# Modules of the chain that compute the same with padding as without.
_CARRIED = {"Transformer", "Pooling", "Dense", "Normalize", "LayerNorm", "Dropout", "WeightedLayerPooling"}
_CONFIG = "config_sentence_transformers.json"
_POOLINGS = {
    "mean": "Mean",
    "cls": "Cls",
    "max": "Max",
    "lasttoken": "LastToken",
    "weightedmean": "WeightedMean",
    "mean_sqrt_len_tokens": "MeanSqrtLength",
}
_SIGMOID, _IDENTITY = "torch.nn.modules.activation.Sigmoid", "torch.nn.modules.linear.Identity"


@dataclass(frozen=True)
class Chain:
    """The modules of a model, one after another, with what its texts go through before and its vectors
    after.

    `read` is the transformer of it. `output` is sentence_embedding or scores, `pooling` the names of what
    makes one vector of a text's tokens, `truncate_dim` how many of its numbers are kept (None: all),
    `prompt_tokens` how many first tokens are not pooled, `activation` what follows scores and `function`
    what the door makes of them then.
    """

    modules: Any
    read: Checkpoint
    settings: TextSettings
    output: str
    pooling: str | None = None
    truncate_dim: int | None = None
    prompt_tokens: int = 0
    activation: torch.nn.Module | None = None
    function: str = "none"
    not_applied: tuple[str, ...] = ()


def is_encoder(directory: Path) -> bool:
    """Whether a directory says that it makes sentence vectors in its own way: a transformer alone makes
    vectors of tokens.
    """
    path = directory / "modules.json"
    if not path.is_file():
        return False
    try:
        kinds = [str(module["type"]).rsplit(".", 1)[-1] for module in jsonfile.read(path)]
    except (ValueError, KeyError, TypeError):
        return True
    return kinds != ["Transformer"]


def is_cross_encoder(directory: Path) -> bool:
    """Whether a directory is a CrossEncoder of the library: one that scores pairs."""
    if _settings(directory).get("model_type") == "CrossEncoder":
        return True
    config = _json(directory / "config.json")
    own = config.get("sentence_transformers")
    return isinstance(own, dict) or config.get("sbert_ce_default_activation_function") is not None


def read_encoder(request: Request, directory: Path, attention: str | None) -> Chain:
    """The chain that makes sentence vectors. Raises CompileError."""
    _need_library(request)
    from sentence_transformers import SentenceTransformer

    uri = request.model.uri
    model, unplaced = _load(SentenceTransformer, request, directory, attention)
    pools = [module for module in model if type(module).__name__ == "Pooling"]
    chain = _chain(request, model, unplaced, "sentence_embedding")
    default = chain.settings.default_prompt
    prompt = chain.settings.prompts.get(default, "") if default else ""
    tokens = 0
    partly = [pool for pool in pools if not pool.include_prompt]
    if partly:
        with checkpoint.reading(uri, "The prompt"):
            tokens = model[0]._get_prompt_length(prompt) or 0 if prompt else 0
        for pool in partly:
            pool._exclude_prompt_from_mask = _without_prompt
        chain = replace(chain, settings=replace(chain.settings, fixed_prompt=True))
    return replace(
        chain,
        pooling="+".join(_names(pools)) or None,
        truncate_dim=model.truncate_dim,
        prompt_tokens=tokens,
    )


def read_cross_encoder(request: Request, directory: Path, attention: str | None) -> Chain:
    """The chain that scores pairs. Raises CompileError."""
    _need_library(request)
    from sentence_transformers import CrossEncoder

    _check_activation(request, directory)
    model, unplaced = _load(CrossEncoder, request, directory, attention)
    chain = _chain(request, model, unplaced, "scores")
    kind = type(model.activation_fn)
    name = f"{kind.__module__}.{kind.__name__}"
    if name in (_SIGMOID, _IDENTITY):
        return replace(chain, function="sigmoid" if name == _SIGMOID else "none")
    return replace(chain, activation=model.activation_fn)


def _need_library(request: Request) -> None:
    """inf1's torch is too old for the library."""
    if importlib.util.find_spec("sentence_transformers") is None:
        raise CompileError(
            "UnsupportedArchitecture",
            f"{request.model.uri} needs sentence-transformers, which the compiler image of this target "
            "does not have: set spec.model.pooling to None, Mean or Cls, or choose another target.",
        )


def _load(
    library: Any, request: Request, directory: Path, attention: str | None
) -> tuple[Any, tuple[str, ...]]:
    """The model, and sentences on weights that have no place in it."""
    from sentence_transformers.base.modules import Transformer
    from transformers import AutoModel

    uri, trusted = request.model.uri, request.model.trust_remote_code
    inventory.check(request.model, directory)
    sizes.check(_json(directory / "config.json"), uri)
    kinds = _check_modules(request, directory, library.__name__)

    unplaced: list[str] = []

    class Watched(Transformer):  # type: ignore[misc]  # sentence-transformers is only in the image
        """Its transformer, where weights that are missing are an error."""

        def _load_model(self, *words: Any, **settings: Any) -> Any:
            config = next((each for each in words if hasattr(each, "model_type")), None)
            if config is not None and not trusted:
                checkpoint.check_size(AutoModel, config, Path(words[0]), uri)
            found = super()._load_model(
                *words, **{**settings, "output_loading_info": True, "ignore_mismatched_sizes": True}
            )
            model, report = found
            unplaced.extend(checkpoint.check_loaded(uri, request.model.task, model, report))
            return model

    here = {"trust_remote_code": trusted, "local_files_only": True}
    options: dict[str, Any] = {"dtype": torch.float32}
    if attention:
        options["attn_implementation"] = attention
    with checkpoint.reading(uri, "The sentence-transformers model"):
        if kinds:
            watched = {kind: Watched for kind in kinds if _is_own(kind) and kind.endswith(".Transformer")}
            model = _opened(library, directory, watched, model_kwargs=options, **here)
        else:
            # As releases before 5.4 save a CrossEncoder: nothing but the transformer.
            first = Watched(
                str(directory),
                transformer_task="sequence-classification",
                model_kwargs={**options, **here},
                processor_kwargs=dict(here),
                config_kwargs=dict(here),
            )
            model = library(modules=[first], device="cpu", trust_remote_code=trusted)
    return model.eval().requires_grad_(False), tuple(unplaced)


def _opened(library: Any, directory: Path, classes: Mapping[str, Any], **settings: Any) -> Any:
    """The model, whose modules of these types are of these classes."""
    if hasattr(library, "_load_with_module_classes"):
        return library._load_with_module_classes(str(directory), classes, device="cpu", **settings)

    # Release 5, the last for transformers 4.
    class Opened(library):  # type: ignore[misc]  # as above
        """The library's model with the classes that it is told."""

        def _load_module_class_from_ref(self, kind: str, *words: Any, **more: Any) -> Any:
            return classes.get(kind) or super()._load_module_class_from_ref(kind, *words, **more)

    Opened.__name__ = library.__name__
    return Opened(str(directory), device="cpu", **settings)


def _chain(request: Request, model: Any, unplaced: tuple[str, ...], output: str) -> Chain:
    """What both kinds of models have in common."""
    uri, first = request.model.uri, model[0]
    transformer, tokenizer = model.transformers_model, model.tokenizer
    if (
        transformer is None
        or tokenizer is None
        or getattr(first, "transformer_task", "")
        not in (
            "feature-extraction",
            "sequence-classification",
        )
    ):
        raise _refused(uri, "a first module that is no encoder of texts with a tokenizer")
    if "message" in first.modality_config or "text" not in first.modality_config:
        raise _refused(uri, "a chat template around every text, or no texts at all")
    checkpoint.check_lengths(request, transformer.config)
    checkpoint.check_positions(request, transformer)
    settings, said = _texts(uri, model, tokenizer)
    read = Checkpoint(transformer, transformer.config, tokenizer)
    return Chain(model, read, settings, output, not_applied=(*unplaced, *said))


def _texts(uri: str, model: Any, tokenizer: Any) -> tuple[TextSettings, tuple[str, ...]]:
    """What becomes of a text before the chain, and what of it is not carried out."""
    settings = checkpoint.text_settings(tokenizer, cuts=True)
    own = {**model[0].processing_kwargs.get("common", {}), **model[0].processing_kwargs.get("text", {})}
    # Padding changes no answer here: what is padded is masked.
    for name in ("padding", "return_tensors", "pad_to_multiple_of"):
        own.pop(name, None)
    longest = own.pop("max_length", None)
    cut = own.pop("truncation", "longest_first")
    if own or cut not in (True, "longest_first"):
        raise _refused(uri, f"settings of its tokenizer ({', '.join(own) or f'truncation {cut}'})")
    if isinstance(longest, int):
        settings = replace(settings, max_tokens=longest)
    said = []
    for name in ("query_length", "document_length", "query_expansion"):
        if getattr(model[0], name, None) is not None:
            said.append(
                f"{name} of sentence_bert_config.json: encode() without a task does not use it either."
            )
    with checkpoint.reading(uri, f"The prompts in {_CONFIG}"):
        prompts = {str(name): str(text or "") for name, text in model.prompts.items()}
    return replace(settings, prompts=prompts, default_prompt=model.default_prompt_name), tuple(said)


def _check_modules(request: Request, directory: Path, library: str) -> list[str]:
    """The types in modules.json, empty where there is none. Raises CompileError for one that is not carried
    out, or runs code unasked.
    """
    uri, trusted = request.model.uri, request.model.trust_remote_code
    kind = _settings(directory).get("model_type", "SentenceTransformer")
    if kind != library and (library, kind) != ("CrossEncoder", "SentenceTransformer"):
        raise CompileError(
            "UnsupportedArchitecture",
            f"{uri} is a {kind} of sentence-transformers, not a {library}: "
            + (
                "set spec.model.task to text-classification."
                if kind == "CrossEncoder"
                else "choose a model that gives one vector or one score."
            ),
        )
    path = directory / "modules.json"
    if not path.is_file():
        return []
    with checkpoint.reading(uri, "modules.json"):
        modules = jsonfile.read(path)
        kinds = [str(module["type"]) for module in modules]
        folders = [str(module["path"]) for module in modules]
    if not kinds:
        raise CompileError("ModelUnreadable", f"modules.json of {uri} names no module: put it right.")
    for each, folder in zip(kinds, folders, strict=True):
        if not (directory / folder).resolve().is_relative_to(directory.resolve()):
            raise CompileError(
                "ModelUnreadable",
                f"modules.json of {uri} names the folder {folder}, which is not the model's: put it right.",
            )
        inventory.check(request.model, directory / folder)
        sizes.check(_json(directory / folder / "config.json"), uri, f"{folder}/config.json")
        name = each.rsplit(".", 1)[-1]
        if _is_own(each) and name not in _CARRIED:
            raise _refused(uri, f"the module {name}", any("Transformer" in each for each in kinds))
        if not _is_own(each) and ("--" in each or not trusted):
            raise checkpoint.remote_code(f"{uri} (its module {each})")
        activation = _json(directory / folder / "config.json").get("activation_function")
        if (
            name == "Dense"
            and isinstance(activation, str)
            and not activation.startswith("torch.")
            and not trusted
        ):
            raise checkpoint.remote_code(f"{uri} (its activation {activation})")
    return kinds


def _check_activation(request: Request, directory: Path) -> None:
    """Raises CompileError where the scores are made by code that is not trusted: the library would take
    another function in its place.
    """
    config = _json(directory / "config.json")
    own = config.get("sentence_transformers")
    named = (
        own.get("activation_fn") if isinstance(own, dict) else None,
        config.get("sbert_ce_default_activation_function"),
        _settings(directory).get("activation_fn"),
    )
    for name in named:
        if isinstance(name, str) and not name.startswith("torch.") and not request.model.trust_remote_code:
            raise checkpoint.remote_code(f"{request.model.uri} (its activation {name})")


def _is_own(kind: str) -> bool:
    return kind.startswith("sentence_transformers.")


def _refused(uri: str, what: str, has_transformer: bool = True) -> CompileError:
    alone = "set spec.model.pooling to None, Mean or Cls to compile its transformer alone, or "
    return CompileError(
        "UnsupportedArchitecture",
        f"The sentence-transformers model {uri} has {what}, which is not supported: "
        f"{alone if has_transformer else ''}use the task custom.",
    )


def _without_prompt(mask: torch.Tensor, prompt_length: int) -> torch.Tensor:
    """The attention mask without a prompt's tokens, as the library's own, whose way of telling on which side
    the padding is can't be traced.
    """
    first = mask.to(torch.int32).argmax(dim=1, keepdim=True)
    positions = torch.arange(mask.size(1), device=mask.device).unsqueeze(0)
    return mask * (positions >= first + prompt_length).to(mask.dtype)


def _names(pools: list[Any]) -> list[str]:
    modes: list[str] = []
    for pool in pools:
        modes += [pool.pooling_mode] if isinstance(pool.pooling_mode, str) else pool.pooling_mode
    return [_POOLINGS.get(mode, mode) for mode in modes]


def _settings(directory: Path) -> Mapping[str, Any]:
    return _json(directory / _CONFIG)


def _json(path: Path) -> Mapping[str, Any]:
    """A JSON object, empty where there is none: the library says what is wrong with a broken one."""
    try:
        content = jsonfile.read(path)
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
