"""What every door does, and what passes through it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

from neuron_serving.doors.face import Face
from neuron_serving.tensors import Array

# A request without parameters.
NONE: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Part:
    """Rows of a request that are computed together: their indices, and the tensor model's inputs for them."""

    rows: tuple[int, ...]
    tensors: Mapping[str, Array]


@dataclass(frozen=True)
class Question:
    """A request as the tensor model takes it; `context` is what the door needs to make answers of results."""

    parts: tuple[Part, ...]
    context: Any


class Door(Protocol):
    """One door."""

    @property
    def face(self) -> Face:
        """What a client sees."""

    def ask(
        self, request: Mapping[str, Array], truncation: bool = False, parameters: Mapping[str, Any] = NONE
    ) -> Question:
        """The question that a request [batch, 1] of BYTES is. Raises RefusedError.

        `truncation` allows to cut texts that are too long; `parameters` are the request's, see `Options`.
        """

    def answer(self, question: Question, results: Sequence[Mapping[str, Array]]) -> dict[str, Array]:
        """The outputs, [batch, ...] by name, made of the tensor model's for each part, in their order."""
