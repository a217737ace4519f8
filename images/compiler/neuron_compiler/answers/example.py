"""A request as a user sends it, with what the model's own library answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from neuron_compiler.answers.expected import Expected

Rows = tuple[bytes, ...]


@dataclass(frozen=True)
class Example:
    """A request to a door.

    `inputs` are the door's, BYTES by name, equally many rows each; `truncation` is the request's parameter.
    `expected` has the library's answer to each row; it is empty before the library was asked. `refused`: the
    door has to refuse the whole request.
    """

    name: str
    inputs: Mapping[str, Rows]
    truncation: bool = False
    refused: bool = False
    expected: tuple[Expected, ...] = ()

    @property
    def rows(self) -> int:
        """How many texts or pictures are asked about."""
        return len(next(iter(self.inputs.values())))

    def only(self, rows: tuple[int, ...]) -> Example:
        """The request with some of its rows."""
        return replace(
            self, inputs={name: tuple(each[row] for row in rows) for name, each in self.inputs.items()}
        )

    def answered(self, expected: tuple[Expected, ...]) -> Example:
        """The same with the library's answers."""
        return replace(self, expected=expected)

    def to_be_refused(self) -> Example:
        """The same, which the door has to refuse."""
        return replace(self, refused=True)

    def texts(self, row: int) -> tuple[str, str | None]:
        """The text of a row, and the second one where there are pairs."""
        pairs = self.inputs.get("text_pair")
        return self.inputs["text"][row].decode(), None if pairs is None else pairs[row].decode()
