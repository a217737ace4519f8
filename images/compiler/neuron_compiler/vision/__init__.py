"""Reading a vision model: of transformers, of timm or of torchvision, with its labels and its processor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from neuron_compiler import jsonfile, sizes
from neuron_compiler.failure import CompileError
from neuron_compiler.request import Request
from neuron_compiler.vision import timms, torchvisions
from neuron_compiler.vision.model import VisionModel

__all__ = ["VisionModel", "read"]


def read(request: Request, directory: Path, attention: str | None) -> VisionModel:
    """Reads the model of a directory: the request's architecture, else what config.json says.

    Raises CompileError.
    """
    config = _config(directory, request.model.uri)
    named = request.model.architecture
    if named is None and timms.named_in(config):
        named = f"timm/{config['architecture']}"
    if named is None:
        # Imported here: a network of timm needs none of it.
        from neuron_compiler.vision import transformer

        return transformer.read(request, directory, attention)
    library, _, name = named.partition("/")
    read_network = timms.read if library == "timm" else torchvisions.read
    return read_network(request, directory, config, name)


def _config(directory: Path, uri: str) -> dict[str, Any]:
    """config.json, empty where there is none."""
    path = directory / "config.json"
    try:
        content = jsonfile.read(path) if path.is_file() else {}
    except ValueError as error:
        raise CompileError(
            "ModelUnreadable", f"{path.name} of {uri} is not JSON ({error}): put it right."
        ) from error
    if not isinstance(content, dict):
        raise CompileError("ModelUnreadable", f"{path.name} of {uri} is no JSON object: put it right.")
    sizes.check(content, uri)
    return content
