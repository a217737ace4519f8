"""Which of a model's files a compile needs, the same for every source that can list them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from neuron_compiler.failure import CompileError
from neuron_compiler.request import Model

CUSTOM_MODULE = "neuron_model.py"

_SMALL = {".json", ".txt", ".model", ".py", ".jinja"}
_PICKLES = {".bin", ".pt", ".pth"}
# transformers' and timm's own names of whole checkpoints, in one piece or in shards.
_OWN_SAFETENSORS = re.compile(r"model(-\d+-of-\d+)?\.safetensors")
_OWN_PICKLE = re.compile(r"pytorch_model(-\d+-of-\d+)?\.bin")
# What a trainer leaves beside the weights.
_OF_TRAINING = re.compile(r"(training_args|optimizer|scheduler|scaler|rng_state).*")


def wanted(names: Iterable[str], model: Model) -> list[str]:
    """The files that a compile needs, sorted: weights in one format, tokenizer, configuration, code, labels.

    safetensors are preferred; pickled weights are taken only where there are none. Copies for other
    frameworks, which lie in directories of their own or have other suffixes, are left out.
    """
    every = list(names)
    top = [name for name in every if "/" not in name]
    small = [name for name in top if PurePosixPath(name).suffix in _SMALL]
    # sentence-transformers keeps the configuration of its modules in numbered directories.
    modules = [name for name in every if re.fullmatch(r"\d[^/]*/config\.json", name)]
    return sorted({*_weights(top, _any_name(model)), *small, *modules})


def check(directory: Path, model: Model) -> None:
    """Raises CompileError unless the directory has the file by which its kind of model is read."""
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
                "ModelUnreadable",
                f"{model.uri} has no weights for {model.architecture}: put a .safetensors, .bin, .pt or .pth "
                "file there.",
            )
    elif not (directory / "config.json").is_file():
        raise CompileError(
            "ModelUnreadable",
            f"{model.uri} has no config.json: point the uri at a directory or repository of a transformers "
            "model.",
        )


def weight_files(directory: Path) -> list[Path]:
    """The files of weights in a directory of a network of timm or torchvision, of one format, sorted."""
    names = sorted(path.name for path in directory.iterdir() if path.is_file())
    return [directory / name for name in _weights(names, any_name=True)]


def _any_name(model: Model) -> bool:
    """The user's own code, timm and torchvision have no rule for the names of pickles."""
    return model.task == "custom" or model.architecture is not None


def _weights(top: Sequence[str], any_name: bool) -> list[str]:
    safetensors = [name for name in top if name.endswith(".safetensors")]
    own = [name for name in safetensors if _OWN_SAFETENSORS.fullmatch(name)]
    if own or safetensors:
        return own or safetensors
    pickles = [name for name in top if _OWN_PICKLE.fullmatch(name)]
    if pickles or not any_name:
        return pickles
    others = [name for name in top if PurePosixPath(name).suffix in _PICKLES]
    return [name for name in others if not _OF_TRAINING.fullmatch(name)]
