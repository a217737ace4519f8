"""The user's own requests, from a file beside the model that spec.compile.parity.examples names, or from the
ConfigMap of examplesFrom, which is mounted elsewhere.

A JSON list of objects, a request each: `text` with or without `text_pair`, or `image` (the file in base64).
With `expected`, outputs of the door by name, that is what has to be answered; without, the library is asked.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from neuron_compiler import jsonfile
from neuron_compiler.answers.example import Example
from neuron_compiler.answers.expected import Tensors
from neuron_compiler.failure import CompileError

_MOST = 256
_INPUTS = ("text", "text_pair", "image")


def read(name: str, directory: Path) -> list[Example]:
    """The requests of a file, with the answers that they expect; an absolute `name` is not beside the model.

    Raises CompileError (ModelUnreadable).
    """
    try:
        content = jsonfile.read(directory / name)
        if not isinstance(content, list) or not 0 < len(content) <= _MOST:
            raise ValueError(f"it is no list of 1 to {_MOST} requests")
        return [_example(index, each) for index, each in enumerate(content)]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CompileError(
            "ModelUnreadable",
            f"The examples of spec.compile.parity can't be read ({name}: {error}): put a JSON list of "
            "requests there, or leave the field out.",
        ) from error


def _example(index: int, content: Mapping[str, Any]) -> Example:
    unknown = sorted(set(content) - {*_INPUTS, "expected", "truncation"})
    if unknown or not ("text" in content) ^ ("image" in content):
        raise ValueError(f"request {index} needs text or image, and knows no {', '.join(unknown) or 'both'}")
    inputs = {
        name: (base64.b64decode(content[name]) if name == "image" else str(content[name]).encode(),)
        for name in _INPUTS
        if name in content
    }
    found = Example(f"own request {index}", inputs, bool(content.get("truncation", False)))
    if "expected" not in content:
        return found
    values = {name: np.asarray(value) for name, value in dict(content["expected"]).items()}
    return found.answered((Tensors(values),))
