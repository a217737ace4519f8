"""What a configuration may ask for, before a library makes it: so many layers, so many labels, so many
parameters. Each is made as soon as it is read, and nothing in a library bounds them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from neuron_compiler.failure import CompileError

# Parts of which a model has one object each; a network of a thousand layers is known.
_PARTS = re.compile(
    r"(n|num|encoder|decoder)_\w*(layers?|blocks?|stages?|experts?)|layers?|depths?|blocks|n_?layers?"
)
_MOST_PARTS = 1024
_LABELS = re.compile(r"_?num_(labels|classes)|n_classes|nb_classes|out_features")
_MOST_LABELS = 100_000
_OF_LABELS = ("id2label", "label2id", "label_names")
# Of anything else: more elements than memory has, even by themselves.
_MOST = 1 << 31
_DEEPEST = 32


def check(content: Any, uri: str, name: str = "config.json") -> None:
    """Raises CompileError for a number in a configuration that no model has."""
    for key, value in _numbers(content, "", _DEEPEST):
        most = _MOST_LABELS if _LABELS.fullmatch(key) else _MOST_PARTS if _PARTS.fullmatch(key) else _MOST
        if abs(value) > most:
            raise CompileError(
                "ModelUnreadable",
                f"{name} of {uri} says {key[:100]} is {str(value)[:20]}, and at most {most} is allowed: "
                "correct it.",
            )


def check_weights(module: Any, files: Sequence[Path], uri: str) -> None:
    """Raises CompileError where a module without memory (on torch's device meta) has far more elements than
    the files of its weights have bytes: all the rest would have to be invented, and is refused anyway.
    """
    there = sum(path.stat().st_size for path in files)
    wanted = sum(tensor.numel() for tensor in (*module.parameters(), *module.buffers()))
    if wanted > there + _SPARE:
        raise CompileError(
            "ModelUnreadable",
            f"config.json of {uri} describes a model of {wanted:.3g} numbers, and its weights have "
            f"{there:.3g} bytes: correct config.json, or put the whole weights there.",
        )


# Heads of other tasks and tables that are computed are in no file.
_SPARE = 1 << 28


def _numbers(content: Any, key: str, deep: int) -> Iterator[tuple[str, int | float]]:
    """Each number with the name under which it, or the list that it is in, stands."""
    if isinstance(content, bool) or deep == 0:
        return
    if isinstance(content, int):
        yield key, content
    elif isinstance(content, Mapping):
        for name, each in content.items():
            if name in _OF_LABELS:
                yield "num_labels", len(each) if isinstance(each, Mapping | list) else 0
            else:
                yield from _numbers(each, str(name), deep - 1)
    elif isinstance(content, list):
        for each in content:
            yield from _numbers(each, key, deep - 1)
