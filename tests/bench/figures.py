"""The figures: one JSON file, into which every measurement is merged."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docs" / "benchmarks.json"


@dataclass(frozen=True)
class Figure:
    """One measured number.

    Attributes:
        value: the number, already rounded to what the measurement can tell.
        unit: its unit, for example "s" or "MiB".
        how: what was measured and how, in one sentence.
        goal: what it should be, such as "<= 1.10"; empty where there is no goal.
        commit: the checkout's commit when it was measured, and `date` the day; empty in a new figure.
    """

    value: float
    unit: str
    how: str
    goal: str = ""
    commit: str = ""
    date: str = ""


@dataclass(frozen=True)
class Report:
    """All figures, and the machine and commit of the newest ones."""

    machine: Mapping[str, Any]
    commit: str
    date: str
    figures: Mapping[str, Figure]

    @classmethod
    def read(cls, file: Path) -> "Report":
        """The report of the file; an empty one where there is no file."""
        if not file.exists():
            return cls({}, "", "", {})
        found = json.loads(file.read_text())
        of_the_report = {"commit": found["commit"], "date": found["date"]}
        figures = {name: Figure(**{**of_the_report, **each}) for name, each in found["figures"].items()}
        return cls(found["machine"], found["commit"], found["date"], figures)

    def merged(
        self, measured: Mapping[str, Figure], *, machine: Mapping[str, Any], commit: str, now: datetime
    ) -> "Report":
        """This report with the measured figures over its own; the others stay."""
        date = now.astimezone(UTC).strftime("%Y-%m-%d")
        stamped = {name: replace(figure, commit=commit, date=date) for name, figure in measured.items()}
        return Report(dict(machine), commit, date, {**self.figures, **stamped})

    def write(self, file: Path) -> None:
        content = {
            "machine": self.machine,
            "commit": self.commit,
            "date": self.date,
            "figures": {name: asdict(self.figures[name]) for name in sorted(self.figures)},
        }
        file.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def commit() -> str:
    """The checkout's commit, with "+" where it has changes that are not committed."""
    return _git("rev-parse", "--short=12", "HEAD") + ("+" if _git("status", "--porcelain") else "")


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True)
    return done.stdout.strip()
