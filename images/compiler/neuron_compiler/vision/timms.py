"""The networks of timm, as its own checkpoints of every release describe them, or by name."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from neuron_compiler import inventory, labels, sizes
from neuron_compiler.failure import CompileError, one_line
from neuron_compiler.request import Request
from neuron_compiler.sources.files import weight_files
from neuron_compiler.vision import processor, weights
from neuron_compiler.vision.model import VisionModel, check_channels

_WRAPPED = "timm_wrapper"
# What a checkpoint may say of its network; whatever would load files from elsewhere is not its to say.
_NOT_ITS_OWN = {
    "cache_dir",
    "checkpoint_path",
    "pretrained",
    "pretrained_cfg",
    "pretrained_cfg_overlay",
    "pretrained_filter_fn",
    "pretrained_model_args",
    "pretrained_strict",
}
_NOTHING_CLASSIFIES = (
    "{uri} has no classes (num_classes is 0): use the task image-feature-extraction, or weights of a "
    "classifier."
)


def named_in(config: Mapping[str, Any]) -> bool:
    """Whether config.json is timm's: it has the name of the network, where transformers has a model type."""
    return "architecture" in config and config.get("model_type", _WRAPPED) == _WRAPPED


def read(request: Request, directory: Path, config: Mapping[str, Any], name: str) -> VisionModel:
    """The network of a directory; `config` is its config.json, empty where there is none.

    Raises CompileError.
    """
    uri, classifies = request.model.uri, request.model.task == "image-classification"
    inventory.check(request.model, directory, weight_files(directory))
    state = weights.read(directory, uri)
    pretrained, arguments = _described(config, name, uri)
    check_channels(arguments.get("in_chans", 3), uri)
    try:
        count = _count(config, pretrained, arguments, state, name)
        with torch.device("meta"):
            empty = _created(name, pretrained, {**arguments, "num_classes": count})
        sizes.check_weights(empty, weight_files(directory), uri)
        module = _created(name, pretrained, {**arguments, "num_classes": count})
    except (RuntimeError, ValueError, KeyError, TypeError, AttributeError, AssertionError) as error:
        raise _not_made(name, uri, one_line(str(error))[:200]) from error
    weights.load(module, state, f"timm/{name}", uri)
    if classifies and count == 0:
        raise CompileError("ModelUnreadable", _NOTHING_CLASSIFIES.format(uri=uri))
    if not classifies and count != 0:
        _behead(module, name, uri)
    size = max(request.options.image_sizes, default=None)
    return VisionModel(
        module.eval().requires_grad_(False),
        architecture=type(module).__name__,
        labels=_labels(config, directory, count, uri) if classifies else (),
        processor=processor.of_timm(module, size, uri),
        function=labels.function_of_problem(config.get("problem_type"), count) if classifies else "softmax",
        kind="timm",
    )


def _not_made(name: str, uri: str, said: str) -> CompileError:
    from timm import is_model

    if is_model(name.partition(".")[0]):
        return CompileError(
            "ModelUnreadable",
            f"timm can't make {name} of what config.json and the weights of {uri} say ({said}): correct "
            "model_args, pretrained_cfg or num_classes in config.json.",
        )
    return CompileError(
        "UnsupportedArchitecture",
        f"This image's timm has no network {name} ({said}): correct spec.model.architecture, or config.json.",
    )


def _described(
    config: Mapping[str, Any], name: str, uri: str
) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """pretrained_cfg (None: the network's own) and the arguments it is made with, as timm reads them from
    wherever config.json has them.
    """
    from timm.models._hub import _parse_model_cfg

    told = {key: value for key, value in config.items() if key not in ("model_type", "transformers_version")}
    if not {"pretrained_cfg", "input_size", "mean", "model_args", "num_classes"} & set(told):
        return None, {}
    try:
        pretrained, _, arguments = _parse_model_cfg(copy.deepcopy({**told, "architecture": name}), {})
        return dict(pretrained), {key: value for key, value in arguments.items() if key not in _NOT_ITS_OWN}
    except (TypeError, ValueError, KeyError, AttributeError, IndexError) as error:
        raise CompileError(
            "ModelUnreadable",
            f"config.json of {uri} is not as timm writes it ({one_line(str(error))[:200]}): correct it.",
        ) from error


def _count(
    config: Mapping[str, Any],
    pretrained: Mapping[str, Any] | None,
    arguments: Mapping[str, Any],
    state: Mapping[str, torch.Tensor],
    name: str,
) -> int:
    for given in (
        arguments.get("num_classes"),
        config.get("num_classes"),
        (pretrained or {}).get("num_classes"),
    ):
        if isinstance(given, int):
            return given
    with torch.device("meta"):
        plain = _created(name, None, dict(arguments))
    layers = plain.default_cfg.get("classifier") or ()
    return weights.classes(state, plain, (layers,) if isinstance(layers, str) else tuple(layers))


def _created(name: str, pretrained: Mapping[str, Any] | None, arguments: Mapping[str, Any]) -> Any:
    import timm

    told = {} if pretrained is None else {"pretrained_cfg": {"architecture": name, **pretrained}}
    return timm.create_model(name, pretrained=False, **told, **arguments)


def _behead(module: Any, name: str, uri: str) -> None:
    try:
        module.reset_classifier(0)
    except (AttributeError, TypeError, RuntimeError, AssertionError, NotImplementedError) as error:
        raise CompileError(
            "UnsupportedArchitecture",
            f"timm/{name} of {uri} has no features without its classifier "
            f"({one_line(str(error))[:200]}): use the task image-classification, or custom.",
        ) from error


def _labels(config: Mapping[str, Any], directory: Path, count: int, uri: str) -> tuple[str, ...]:
    from timm.data import ImageNetInfo, infer_imagenet_subset

    pretrained = config.get("pretrained_cfg") or {}
    for found in (config.get("label_names"), config.get("labels"), pretrained.get("label_names")):
        if isinstance(found, Mapping) and len(found) < count and all(str(key).isdecimal() for key in found):
            # timm lets numbers be left out.
            plain = dict(enumerate(labels.of_count(count)))
            return labels.of_mapping({**plain, **{int(key): found[key] for key in found}}, count, uri)
        if found:
            return labels.of_mapping(found, count, uri)
    for found in (config.get("id2label"), labels.of_file(directory, uri)):
        if found:
            return labels.of_mapping(found, count, uri)
    subset = infer_imagenet_subset({**config, "num_classes": count}) if config else None
    if subset:
        # As transformers' wrapper of timm names the classes of ImageNet.
        info = ImageNetInfo(subset)
        descriptions = info.label_descriptions(as_dict=True)
        return labels.of_mapping([descriptions[name] for name in info.label_names()], count, uri)
    return labels.of_count(count)
