"""Which of a model's files a compile needs, the same for every source that can list them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from neuron_compiler import jsonfile
from neuron_compiler.failure import CompileError
from neuron_compiler.request import Model
from neuron_compiler.sources import limits

CUSTOM_MODULE = "neuron_model.py"

# Gives the content of a file of the source.
Read = Callable[[str], bytes]

_SMALL = frozenset({".json", ".txt", ".model", ".py", ".jinja", ".tiktoken"})
_PICKLES = {".bin", ".pt", ".pth"}
_WEIGHTS = frozenset({*_PICKLES, ".safetensors", ".h5", ".msgpack", ".onnx", ".gguf", ".ckpt"})
_POINTER = b"version https://git-lfs.github.com/spec/"
_OWN_SHARD = re.compile(r"model-\d+-of-\d+\.safetensors")
_OWN_PICKLED_SHARD = re.compile(r"pytorch_model-\d+-of-\d+\.bin")
# What a trainer leaves beside the weights.
_OF_TRAINING = re.compile(r"(training_args|optimizer|scheduler|scaler|rng_state).*")
_MODULES = "modules.json"
_MODULES_WITH_FILES = {"Transformer", "Pooling", "Dense", "LayerNorm", "WeightedLayerPooling"}


def wanted(names: Iterable[str], model: Model, read: Read | None = None) -> list[str]:
    """The files that a compile needs, sorted: weights in one format, tokenizer, configuration, code, labels.

    The weights are those that the loader asks for: model.safetensors, else the shards that its index names,
    else the same in pickled form. Copies for other frameworks, which lie in directories of their own or have
    other suffixes, are left out. `read` gives the content of indexes, which say more than names do.
    """
    every = list(names)
    top = [name for name in every if "/" not in name]
    small = [name for name in top if PurePosixPath(name).suffix in _SMALL]
    chosen = {*_weights(top, _any_name(model), read), *small}
    for folder in _module_folders(every, read):
        inside = [name.removeprefix(f"{folder}/") for name in every if name.startswith(f"{folder}/")]
        inside = [name for name in inside if "/" not in name]
        parts = [name for name in inside if PurePosixPath(name).suffix in _SMALL]
        chosen |= {f"{folder}/{name}" for name in (*parts, *_loaded(inside, None))}
    return sorted(chosen)


def reader(directory: Path) -> Read:
    """Reads files of a directory, as far as JSON is read."""
    return lambda name: jsonfile.content(directory / name)


def check(directory: Path, model: Model, root: Path | None = None) -> None:
    """Raises CompileError unless the directory has the file by which its kind of model is read, and nothing
    in the places of such files that must not be read; links may lead to what is below `root`.

    Files that are not there may still come, as they are often copied while the model is applied: the
    operator looks again.
    """
    limits.check(directory, root or directory, model, _SMALL, _WEIGHTS)
    _check_whole(directory, model)
    if model.task == "custom":
        if not (directory / CUSTOM_MODULE).is_file():
            raise CompileError(
                "CustomCodeFailed",
                f"{model.uri} has no {CUSTOM_MODULE}: put it beside the weights, with load(directory) and "
                "example_inputs(batch).",
            )
    elif model.architecture is not None:
        if not weight_files(directory):
            raise CompileError(
                "SourceNotFound",
                f"{model.uri} has no weights for {model.architecture}: put a .safetensors, .bin, .pt or .pth "
                "file there.",
            )
    elif not any((directory / name).is_file() for name in ("config.json", _MODULES)):
        if (directory / "adapter_config.json").is_file():
            raise CompileError(
                "UnsupportedArchitecture",
                f"{model.uri} is an adapter (adapter_config.json) without its base: merge it into the base "
                "(peft's merge_and_unload), save that, and point the uri there.",
            )
        raise CompileError(
            "SourceNotFound",
            f"{model.uri} has no config.json: put the model's files there, or point the uri at a directory "
            "or repository of a transformers model.",
        )
    elif (directory / _MODULES).is_file():
        _check_modules(directory, model)
    else:
        _check_weights(directory, model)


def _check_whole(directory: Path, model: Model) -> None:
    """Raises CompileError where a clone has pointers of Git LFS in the places of files that are read."""
    names = [
        path.relative_to(directory).as_posix()
        for pattern in ("*", "*/*")
        for path in directory.glob(pattern)
        if path.is_file()
    ]
    for name in wanted(names, model, reader(directory)):
        if _is_pointer(directory / name):
            raise CompileError(
                "SourceNotFound",
                f"{model.uri} has a pointer of Git LFS in the place of {name}: fetch the files themselves "
                "(git lfs pull).",
            )


def _is_pointer(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(_POINTER)) == _POINTER
    except OSError:  # whoever reads the file says what is wrong with it
        return False


def _check_modules(directory: Path, model: Model) -> None:
    """Raises CompileError where a folder is missing that sentence-transformers' modules are read from."""
    try:
        modules = jsonfile.read(directory / _MODULES)
        folders = [(str(each["type"]), str(each["path"])) for each in modules]
    except (ValueError, KeyError, TypeError):  # its reader says what is wrong with it
        return
    for name, folder in folders:
        if not limits.stays_inside(folder):
            raise _outside(model, _MODULES, folder)
        kind = name.rpartition(".")[2] if name.startswith("sentence_transformers.") else ""
        if kind in _MODULES_WITH_FILES and not (directory / folder / "config.json").is_file():
            missing = (PurePosixPath(folder) / "config.json").as_posix()
            raise CompileError(
                "SourceNotFound",
                f"{model.uri} has no {missing}, which the module {kind} of its {_MODULES} is read from: put "
                "the whole checkpoint there, with its folders.",
            )
        if kind == "Transformer":
            _check_weights(directory / folder, model)


def _check_weights(directory: Path, model: Model) -> None:
    """Raises CompileError where the weights that the loader asks for are not there, or not all of them."""
    names = sorted(path.name for path in directory.iterdir() if path.is_file())
    for index in ("model.safetensors.index.json", "pytorch_model.bin.index.json"):
        if index.partition(".index")[0] in names:
            return
        if index in names:
            named = _indexed(index, reader(directory)) or set()
            if outside := sorted(name for name in named if not limits.stays_inside(name)):
                raise _outside(model, index, outside[0])
            missing = sorted(named - set(names))
            if missing:
                raise CompileError(
                    "SourceNotFound",
                    f"{model.uri} has no {missing[0]}, which its {index} names ({len(missing)} of "
                    f"{len(named)} files are missing): put the whole checkpoint there.",
                )
            return
    others = [name for name in names if PurePosixPath(name).suffix in _WEIGHTS]
    there = f" (there is {', '.join(others[:3])})" if others else ""
    if _is_timms(directory) and others:
        return
    raise CompileError(
        "SourceNotFound",
        f"{model.uri} has no weights under a name that its library reads{there}: put model.safetensors or "
        "pytorch_model.bin there, or an index with its shards.",
    )


def _outside(model: Model, by: str, name: str) -> CompileError:
    return CompileError(
        "ModelUnreadable",
        f"{by} of {model.uri} names {name[:200]}, which is no file of the model's: correct it.",
    )


def _is_timms(directory: Path) -> bool:
    """timm's own checkpoints have no model type, and weights of any name."""
    try:
        content = jsonfile.read(directory / "config.json")
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and "architecture" in content


def weight_files(directory: Path) -> list[Path]:
    """The files of weights in a directory of a network of timm or torchvision, of one format, sorted."""
    names = sorted(path.name for path in directory.iterdir() if path.is_file())
    return [directory / name for name in _weights(names, True, reader(directory))]


def loaded(directory: Path) -> list[Path]:
    """The files of weights that transformers asks a directory for, sorted."""
    names = sorted(path.name for path in directory.iterdir() if path.is_file())
    return [directory / name for name in _loaded(names, reader(directory))]


def _any_name(model: Model) -> bool:
    """The user's own code, timm and torchvision have no rule for the names of weights."""
    return model.task == "custom" or model.architecture is not None


def _weights(top: Sequence[str], any_name: bool, read: Read | None) -> list[str]:
    own = _loaded(top, read)
    if own or not any_name:
        return own
    if safetensors := [name for name in top if name.endswith(".safetensors")]:
        return safetensors
    others = [name for name in top if PurePosixPath(name).suffix in _PICKLES]
    return [name for name in others if not _OF_TRAINING.fullmatch(name)]


def _loaded(names: Sequence[str], read: Read | None) -> list[str]:
    """The weights under the names that the libraries look for, in the order in which they do."""
    forms = (
        ("model.safetensors", "model.safetensors.index.json", _OWN_SHARD),
        ("pytorch_model.bin", "pytorch_model.bin.index.json", _OWN_PICKLED_SHARD),
    )
    for whole, index, shard in forms:
        if whole in names:
            return [whole]
        named = _indexed(index, read) if index in names else None
        found = [name for name in names if name in named] if named else []
        if found := found or [name for name in names if shard.fullmatch(name)]:
            return found
    return []


def _indexed(index: str, read: Read | None) -> set[str] | None:
    """The files that an index of shards names; None where it can't be read: its reader says what is wrong."""
    if read is None:
        return None
    try:
        table: Any = jsonfile.loads(read(index))["weight_map"]
        return {str(name) for name in table.values()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _module_folders(every: Sequence[str], read: Read | None) -> list[str]:
    """Where sentence-transformers keeps its modules: the folders that modules.json names, else numbered
    ones.
    """
    if _MODULES not in every:
        return []
    folders = {name.partition("/")[0] for name in every if "/" in name}
    named: set[str] = set()
    if read is not None:
        try:
            named = {str(module.get("path") or "").strip("/") for module in jsonfile.loads(read(_MODULES))}
        except (OSError, ValueError, TypeError, AttributeError):
            named = set()
    numbered = {folder for folder in folders if re.match(r"\d", folder)}
    return sorted(folder for folder in folders if folder in named or folder in numbered)
