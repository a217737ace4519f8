"""The names of a classifier's outputs, and what makes scores of its logits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neuron_compiler.failure import CompileError


def named(given: Any, count: int, uri: str) -> tuple[str, ...]:
    """The labels of `count` outputs, of a table from index to name, or of a list of names.

    A name may be a pair of an identifier and a name, as TorchServe's index_to_name.json has them: the last
    counts. Raises CompileError where the table does not name each output once.
    """
    table = given if isinstance(given, Mapping) else dict(enumerate(given))
    try:
        names = {int(index): _name(name) for index, name in table.items()}
    except (ValueError, TypeError) as error:
        raise _wrong(table, count, uri) from error
    if sorted(names) != list(range(count)):
        raise _wrong(table, count, uri)
    return tuple(names[index] for index in range(count))


def _name(given: Any) -> str:
    if isinstance(given, list | tuple) and given:
        return str(given[-1])
    return str(given)


def _wrong(table: Mapping[Any, Any], count: int, uri: str) -> CompileError:
    said = ", ".join(f"{index}: {name}" for index, name in list(table.items())[:8])
    more = ", ..." if len(table) > 8 else ""
    return CompileError(
        "ModelUnreadable",
        f"{uri} names {len(table)} labels ({said}{more}), and its weights have {count} outputs: let "
        f"id2label of config.json (or index_to_name.json) name each of 0 to {count - 1}.",
    )


def function_of(config: Any, count: int) -> str:
    """What transformers' pipelines make scores of logits with: softmax, sigmoid or none."""
    problem = getattr(config, "problem_type", None)
    if problem == "regression":
        return "none"
    if problem == "multi_label_classification" or count == 1:
        return "sigmoid"
    return "softmax"
