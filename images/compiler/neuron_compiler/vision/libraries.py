"""The networks of timm, torchvision and transformers, with weights from files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from neuron_compiler import checkpoint
from neuron_compiler.failure import CompileError, one_line
from neuron_compiler.request import Request
from neuron_compiler.sources.files import weight_files
from neuron_compiler.vision import processor
from neuron_compiler.vision.processor import Processor


def of_transformers(
    request: Request, directory: Path, attention: str | None
) -> tuple[torch.nn.Module, Processor]:
    """transformers' own model of a directory, and the processor that it has where nothing else is said."""
    module, config = checkpoint.read_image_model(request, directory, attention)
    size = getattr(config, "image_size", None)
    return module, Processor(size=size if isinstance(size, int) else Processor.size)


def by_name(
    named: str, directory: Path, uri: str, config: Mapping[str, Any]
) -> tuple[torch.nn.Module, int, Processor]:
    """The network `timm/<name>` or `torchvision/<name>` with the weights of a directory, the number of its
    classes, and the processor its library gives it. Raises CompileError.
    """
    library, _, name = named.partition("/")
    state = _weights(directory, uri)
    build = _of_timm if library == "timm" else _of_torchvision
    try:
        module, count, default = build(name, state, config)
    except CompileError:
        raise
    except (RuntimeError, ValueError, KeyError, TypeError) as error:
        raise CompileError(
            "UnsupportedArchitecture",
            f"This image's {library} has no network {name} ({one_line(str(error))[:200]}): correct "
            "spec.model.architecture.",
        ) from error
    try:
        module.load_state_dict(state)
    except RuntimeError as error:
        raise CompileError(
            "ModelUnreadable",
            f"The weights of {uri} do not fit {named}: {one_line(str(error))[:500]}. Name the network they "
            "were trained for, or use the task custom.",
        ) from error
    return module, count, default


def _of_timm(
    name: str, state: Mapping[str, torch.Tensor], config: Mapping[str, Any]
) -> tuple[torch.nn.Module, int, Processor]:
    import timm

    with torch.device("meta"):
        plain = timm.create_model(name)
    count = _classes(plain, state)
    arguments = config.get("model_args") or {}
    module = timm.create_model(name, num_classes=count, **arguments)
    return module, count, processor.of_timm({**module.default_cfg, **(config.get("pretrained_cfg") or {})})


def _of_torchvision(
    name: str, state: Mapping[str, torch.Tensor], config: Mapping[str, Any]
) -> tuple[torch.nn.Module, int, Processor]:
    from torchvision import models

    with torch.device("meta"):
        plain = models.get_model(name, weights=None)
    count = _classes(plain, state)
    size = config.get("image_size")
    default = Processor(size=size) if isinstance(size, int) else Processor()
    return models.get_model(name, weights=None, num_classes=count), count, default


def _classes(plain: torch.nn.Module, state: Mapping[str, torch.Tensor]) -> int:
    """How many classes the weights have: the size of what the network ends with."""
    last = [*plain.state_dict()][-1]
    if last not in state:
        raise KeyError(f"the weights have no {last}")
    return int(state[last].shape[0])


def _weights(directory: Path, uri: str) -> dict[str, torch.Tensor]:
    """The tensors of a directory's files in fp32, without what wrappers of training put before names."""
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
            name.removeprefix("module."): tensor.float() if tensor.is_floating_point() else tensor
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
