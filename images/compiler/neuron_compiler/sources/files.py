"""Which of a model's files a compile needs, the same for every source that can list them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from neuron_compiler.failure import CompileError
from neuron_compiler.request import Model

_SMALL = {".json", ".txt", ".model", ".py", ".jinja"}
# transformers' own names of whole checkpoints, in one piece or in shards.
_OWN_SAFETENSORS = re.compile(r"model(-\d+-of-\d+)?\.safetensors")
_OWN_PICKLE = re.compile(r"pytorch_model(-\d+-of-\d+)?\.bin")


def wanted(names: Iterable[str]) -> list[str]:
    """The files that a compile needs, sorted: weights in one format, tokenizer, configuration, code.

    safetensors are preferred; pickled weights are taken only where there are none. Copies for other
    frameworks, which lie in directories of their own or have other suffixes, are left out.
    """
    every = list(names)
    top = [name for name in every if "/" not in name]
    small = [name for name in top if PurePosixPath(name).suffix in _SMALL]
    # sentence-transformers keeps the configuration of its modules in numbered directories.
    modules = [name for name in every if re.fullmatch(r"\d[^/]*/config\.json", name)]
    return sorted({*_weights(top), *small, *modules})


def check(directory: Path, model: Model) -> None:
    """Raises CompileError unless the directory has the file by which its kind of model is read."""
    if not (directory / "config.json").is_file():
        raise CompileError(
            "ModelUnreadable",
            f"{model.uri} has no config.json: point the uri at a directory or repository of a transformers "
            "model.",
        )


def _weights(top: Sequence[str]) -> list[str]:
    safetensors = [name for name in top if name.endswith(".safetensors")]
    own = [name for name in safetensors if _OWN_SAFETENSORS.fullmatch(name)]
    return own or safetensors or [name for name in top if _OWN_PICKLE.fullmatch(name)]
