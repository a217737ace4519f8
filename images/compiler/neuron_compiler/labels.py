"""The names of a classifier's classes, in all the forms that checkpoints have them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from neuron_compiler import jsonfile
from neuron_compiler.failure import CompileError

# How many labels a message shows.
_SHOWN = 8
# They are in the manifest, and each answer may have them all.
_MOST, _MOST_CHARACTERS = 100_000, 2 << 20
# What JSON can name and no text holds.
_LONE = re.compile(r"[\ud800-\udfff]")


def of_count(count: int) -> tuple[str, ...]:
    """Names where there are none, as transformers gives them."""
    return tuple(f"LABEL_{index}" for index in range(count))


def of_mapping(given: Any, count: int, uri: str) -> tuple[str, ...]:
    """Labels of a mapping from numbers to names, from names to numbers, or of a list of names.

    A value may be a list, such as a WordNet id and a name: its last item is the name, as for TorchServe.
    Raises CompileError unless every class has one name.
    """
    try:
        names = _by_number(given)
    except (TypeError, ValueError) as error:
        raise _no_names(given, uri) from error
    missing = [index for index in range(count) if index not in names]
    if missing or len(names) != count:
        without = f"; class {missing[0]} has none" if missing else ""
        raise CompileError(
            "ModelUnreadable",
            f"{uri} names {len(names)} labels, and its weights have {count} classes{without} "
            f"({_shown(given)}): name each of 0 to {count - 1} once.",
        )
    return checked(tuple(names[index] for index in range(count)), uri)


def checked(names: tuple[str, ...], uri: str) -> tuple[str, ...]:
    """The names. Raises CompileError where they can't be answered with: no text, or without any bound."""
    if len(names) > _MOST or sum(map(len, names)) > _MOST_CHARACTERS:
        raise CompileError(
            "ModelUnreadable",
            f"{uri} has {len(names)} labels of {sum(map(len, names))} characters, and {_MOST} of "
            f"{_MOST_CHARACTERS} are allowed: shorten them.",
        )
    if odd := next((name for name in names if _LONE.search(name)), None):
        raise CompileError(
            "ModelUnreadable", f"The label {odd[:60]!r} of {uri} is half a character: write it in whole ones."
        )
    return names


def not_numbered(given: Any, uri: str) -> CompileError | None:
    """What is wrong with a configuration's id2label, None where transformers reads it: numbers with names."""
    if isinstance(given, Mapping) and all(_is_number(key) for key in given):
        return None
    return _no_names(given, uri)


def function_of(config: Any, count: int) -> str:
    """What transformers' pipelines make scores of logits with: softmax, sigmoid or none."""
    return function_of_problem(getattr(config, "problem_type", None), count)


def function_of_problem(problem: Any, count: int) -> str:
    """The same of what a configuration calls its problem_type."""
    if problem == "regression":
        return "none"
    if problem == "multi_label_classification" or count == 1:
        return "sigmoid"
    return "softmax"


def of_file(directory: Path, uri: str) -> Any:
    """What TorchServe's users have in index_to_name.json, None where there is no such file."""
    path = directory / "index_to_name.json"
    if not path.is_file():
        return None
    try:
        return jsonfile.read(path)
    except ValueError as error:
        raise CompileError(
            "ModelUnreadable", f"{path.name} of {uri} is not JSON ({error}): put it right."
        ) from error


def _no_names(given: Any, uri: str) -> CompileError:
    return CompileError(
        "ModelUnreadable",
        f"The labels of {uri} are not numbers with names ({_shown(given)}): write them as "
        '{"0": "cat", "1": "dog"}.',
    )


def _by_number(given: Any) -> dict[int, str]:
    if isinstance(given, Mapping):
        if len(given) == 1:
            # TorchServe's object detectors nest theirs: {"object_type_names": {...}}.
            (only,) = given.values()
            if isinstance(only, Mapping) or (isinstance(only, list) and not _is_number(next(iter(given)))):
                return _by_number(only)
        if all(_is_number(value) for value in given.values()) and not all(_is_number(key) for key in given):
            return {int(number): str(name) for name, number in given.items()}
        return {int(number): _name(value) for number, value in given.items()}
    if isinstance(given, Sequence) and not isinstance(given, str):
        return {number: _name(value) for number, value in enumerate(given)}
    raise TypeError(type(given).__name__)


def _name(value: Any) -> str:
    if isinstance(value, list | tuple):
        if not value:
            raise ValueError("an empty list")
        return _name(value[-1])
    if value is None or isinstance(value, Mapping):
        raise TypeError("no name")
    return str(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int) or (isinstance(value, str) and value.isdecimal())


def _shown(given: Any) -> str:
    if isinstance(given, Mapping):
        items = [f"{key}: {value}" for key, value in given.items()]
    elif isinstance(given, Sequence) and not isinstance(given, str):
        items = [str(value) for value in given]
    else:
        items = [str(given)]
    text = ", ".join(item[:60] for item in items[:_SHOWN])
    return f"{text}, ..." if len(items) > _SHOWN else text
