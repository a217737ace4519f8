"""Requests and answers, whatever protocol brings them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from neuron_serving.tensors import Array


@dataclass(frozen=True)
class Request:
    """An inference that is asked for.

    Attributes:
        inputs: arrays by name; BYTES are arrays of objects.
        outputs: the outputs wanted, in their order, and for each whether it is wanted in binary (None: as the
            request says in all); None where all are wanted.
        binary: whether outputs are wanted in binary where nothing else is said.
    """

    inputs: Mapping[str, Array]
    id: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, bool | None] | None = None
    binary: bool = False


@dataclass(frozen=True)
class Output:
    """One output of an answer: V2 datatype, the array, and whether it goes in binary."""

    name: str
    datatype: str
    array: Array
    binary: bool


@dataclass(frozen=True)
class Answer:
    """The answer of a model to a request."""

    model: str
    id: str
    outputs: tuple[Output, ...]
