"""Requests and the library's answers to them, kept in an artifact for a machine that has no eager model."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from neuron_compiler.answers.example import Example
from neuron_compiler.answers.expected import from_json, to_json
from neuron_compiler.answers.reference import Answered

_FILE = Path("reference/answers.json")


def save(known: Answered, artifact: Path) -> None:
    """Writes the answers to reference/answers.json of the artifact."""
    path = artifact / _FILE
    path.parent.mkdir(exist_ok=True)
    content = {
        "library": known.library,
        "examples": [_written(example) for example in known.examples],
        "problem": known.problem,
    }
    path.write_text(json.dumps(content), encoding="utf-8")


def load(artifact: Path) -> Answered | None:
    """Reads the answers again; None where the artifact has none. Raises OSError, ValueError or KeyError."""
    path = artifact / _FILE
    if not path.is_file():
        return None
    content = json.loads(path.read_text(encoding="utf-8"))
    return Answered(
        content["library"], tuple(_read(each) for each in content["examples"]), content["problem"]
    )


def _written(example: Example) -> dict[str, Any]:
    return {
        "name": example.name,
        "inputs": {
            name: [base64.b64encode(row).decode() for row in rows] for name, rows in example.inputs.items()
        },
        "truncation": example.truncation,
        "refused": example.refused,
        "expected": [to_json(each) for each in example.expected],
    }


def _read(content: dict[str, Any]) -> Example:
    return Example(
        name=content["name"],
        inputs={
            name: tuple(base64.b64decode(row) for row in rows) for name, rows in content["inputs"].items()
        },
        truncation=content["truncation"],
        refused=content["refused"],
        expected=tuple(from_json(each) for each in content["expected"]),
    )
