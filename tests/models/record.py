"""What the sweep says of one subject: see toolbox.models.trial, which writes it."""

import json
from dataclasses import dataclass

RIGHT, REFUSED, WRONG, CRASHED = "right", "refused", "wrong", "crashed"
NOT_MADE, NOT_COMPARED = "not made", "not compared"


@dataclass(frozen=True)
class Record:
    """A subject, of which kind and task it is, and what became of it."""

    name: str
    kind: str
    task: str
    outcome: str
    reason: str = ""
    said: str = ""
    worst: float = 0.0
    compared: int = 0
    seconds: float = 0.0

    @classmethod
    def from_json(cls, line: str) -> "Record":
        """Raises ValueError or TypeError where the line is no record."""
        return cls(**json.loads(line))

    @property
    def short(self) -> str:
        """The name without the task before it."""
        return self.name.partition("/")[2]

    @property
    def tried(self) -> bool:
        """Whether there was a model to compile, and something to compare it with."""
        return self.outcome not in (NOT_MADE, NOT_COMPARED)
