"""The weights of a network of timm or torchvision, from the files that training leaves."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from neuron_compiler.failure import CompileError, one_line
from neuron_compiler.sources.files import weight_files

# What wrappers of training, and transformers' wrapper of timm, put before names.
_PREFIXES = ("module.", "timm_model.")


def read(directory: Path, uri: str) -> dict[str, torch.Tensor]:
    """The tensors of a directory's files in fp32. Raises CompileError."""
    from safetensors.torch import load_file

    state: dict[str, Any] = {}
    try:
        for path in weight_files(directory):
            if path.suffix == ".safetensors":
                found: Any = load_file(path)
            else:
                found = torch.load(path, map_location="cpu", weights_only=True)
            # What training scripts save is the model's tensors, or has them among other things.
            for key in ("state_dict", "model"):
                found = found[key] if isinstance(found.get(key), Mapping) else found
            state |= found
        return {
            _plain(name): tensor.float() if tensor.is_floating_point() else tensor
            for name, tensor in state.items()
        }
    except MemoryError:
        raise
    except Exception as error:  # safetensors, pickle and torch each raise their own
        raise CompileError(
            "ModelUnreadable",
            f"The weights of {uri} can't be read: {one_line(str(error))[:500]} Save a dictionary of tensors "
            "(model.state_dict()), best as safetensors.",
        ) from error


def load(module: torch.nn.Module, state: Mapping[str, torch.Tensor], named: str, uri: str) -> None:
    """Puts every tensor into a network. Raises CompileError where one is missing or left over."""
    try:
        module.load_state_dict(state)
    except RuntimeError as error:
        raise CompileError(
            "ModelUnreadable",
            f"The weights of {uri} do not fit {named}: {one_line(str(error))[:500]}. Name the network they "
            "were trained for, or use the task custom.",
        ) from error


def classes(state: Mapping[str, torch.Tensor], plain: torch.nn.Module, layers: tuple[str, ...] = ()) -> int:
    """How many classes the weights have: the size of the layers that classify, else of what the network ends
    with. Raises KeyError where that is not among the weights.
    """
    for layer in layers:
        for name in (f"{layer}.weight", f"{layer}.bias"):
            if name in state:
                return int(state[name].shape[0])
    last = [*plain.state_dict()][-1]
    if last not in state:
        raise KeyError(f"the weights have no {last}")
    return int(state[last].shape[0])


def _plain(name: str) -> str:
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    return name
