"""One network of every module of timm, as its current release saves it."""

from pathlib import Path
from typing import Any

import torch

from toolbox.models.subjects import TIMM, NotMadeError, Subject

_SMALL = (
    "test_",
    "atto",
    "femto",
    "pico",
    "nano",
    "_xxs",
    "_xxt",
    "_xs",
    "mini",
    "micro",
    "tiny",
    "_050",
    "_t",
    "small",
    "_s",
    "18",
    "_b0",
)


def subjects() -> list[Subject]:
    """One network of each module."""
    import timm

    found = []
    for module in timm.list_modules():
        names = timm.list_models(module=module, exclude_filters="")
        if names:
            name = min(names, key=_rank)
            subject = Subject(f"timm/{module}", TIMM, "image-classification", _maker(name))
            found.append(subject)
    return found


def _rank(name: str) -> tuple[int, int, str]:
    place = next((index for index, part in enumerate(_SMALL) if part in name), len(_SMALL))
    return place, len(name), name


def _maker(name: str) -> Any:
    return lambda directory: make(name, directory)


def make(name: str, directory: Path, **pretrained: Any) -> None:
    """The network with random weights and five classes."""
    import timm
    from timm.models import save_for_hf

    try:
        torch.manual_seed(0)
        network = timm.create_model(name, num_classes=5)
        # Fresh normalisations and layer scales would hide what comes before them.
        for module in network.modules():
            mean = getattr(module, "running_mean", None)
            if isinstance(mean, torch.Tensor):
                mean.normal_(0.0, 0.1)
        config = {"pretrained_cfg": {**pretrained}} if pretrained else None
        save_for_hf(network.eval(), directory, model_config=config)
    except Exception as error:
        raise NotMadeError(f"{type(error).__name__}: {' '.join(str(error).split())[:200]}") from error
