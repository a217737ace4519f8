"""What the sweep says of one subject: see toolbox.models.trial, which writes it."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

# What was tried, of this commit or of an earlier one, a line each: what a sweep of a part leaves alone stays.
KEPT = Path(__file__).with_name("records.jsonl")

RIGHT, REFUSED, WRONG, CRASHED = "right", "refused", "wrong", "crashed"
NOT_MADE, NOT_COMPARED = "not made", "not compared"


@dataclass(frozen=True)
class Record:
    """A subject, of which kind and task it is, and what became of it; `commit` is empty where nobody noted
    it.
    """

    name: str
    kind: str
    task: str
    outcome: str
    reason: str = ""
    said: str = ""
    worst: float = 0.0
    compared: int = 0
    seconds: float = 0.0
    commit: str = ""

    @classmethod
    def from_json(cls, line: str) -> "Record":
        """Raises ValueError or TypeError where the line is no record."""
        return cls(**json.loads(line))

    def to_json(self) -> str:
        """One line of JSON, without what is as it is by default."""
        defaults = {field.name: field.default for field in fields(self)}
        said = {name: value for name, value in asdict(self).items() if value != defaults[name]}
        return json.dumps(said, ensure_ascii=False)

    @property
    def short(self) -> str:
        """The name without the task before it."""
        return self.name.partition("/")[2]

    @property
    def tried(self) -> bool:
        """Whether there was a model to compile, and something to compare it with."""
        return self.outcome not in (NOT_MADE, NOT_COMPARED)


def read(path: Path) -> list[Record]:
    """The records of a file."""
    return [Record.from_json(line) for line in path.read_text(encoding="utf-8").splitlines()]


def write(path: Path, records: Iterable[Record]) -> None:
    """Writes the records to a file."""
    path.write_text("".join(f"{record.to_json()}\n" for record in records), encoding="utf-8")


def merged(known: Sequence[Record], found: Sequence[Record], commit: str) -> list[Record]:
    """The records by name, those that were found in the place of known ones: at a commit, unless they name
    another.
    """
    new = {record.name: replace(record, commit=record.commit or commit) for record in found}
    return sorted({**{record.name: record for record in known}, **new}.values(), key=lambda each: each.name)
