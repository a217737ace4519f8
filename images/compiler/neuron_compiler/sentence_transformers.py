"""How a sentence-transformers model makes one vector of its token vectors, read from its own
configuration.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from neuron_compiler.failure import CompileError


@dataclass(frozen=True)
class Pooling:
    """`kind` is None (a vector per token), Mean or Cls; `normalize` makes the vector's length 1."""

    kind: str
    normalize: bool


def resolve_pooling(asked: str, directory: Path) -> Pooling:
    """What the request's pooling means for the model in a directory.

    Auto follows modules.json and is None where there is none. Raises CompileError when the model pools in a
    way that is not supported.
    """
    if asked != "Auto":
        return Pooling(asked, normalize=False)
    modules_file = directory / "modules.json"
    if not modules_file.is_file():
        return Pooling("None", normalize=False)
    try:
        modules = json.loads(modules_file.read_text())
        kinds = [module["type"].rsplit(".", 1)[-1] for module in modules]
        paths = {kind: module["path"] for kind, module in zip(kinds, modules, strict=True)}
        unknown = set(kinds) - {"Transformer", "Pooling", "Normalize"}
        modes = (
            json.loads((directory / paths["Pooling"] / "config.json").read_text())
            if "Pooling" in paths
            else {}
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CompileError(
            "ModelUnreadable",
            f"The model's sentence-transformers configuration can't be read ({error}): set model.pooling to "
            "None, Mean or Cls.",
        ) from error
    active = {name for name, value in modes.items() if name.startswith("pooling_mode_") and value is True}
    kind = {frozenset(): "None", frozenset({"pooling_mode_mean_tokens"}): "Mean"}.get(frozenset(active))
    if active == {"pooling_mode_cls_token"}:
        kind = "Cls"
    if unknown or kind is None:
        parts = ", ".join(sorted(unknown | active))
        raise CompileError(
            "UnsupportedArchitecture",
            f"The model makes its sentence vector with {parts}, which is not supported: set model.pooling "
            "to None, Mean or Cls.",
        )
    return Pooling(kind, normalize="Normalize" in paths)
