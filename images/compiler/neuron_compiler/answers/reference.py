"""Having the model's own library answer, before anything compiled is in memory."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from neuron_compiler.answers.example import Example
from neuron_compiler.answers.expected import Expected
from neuron_compiler.answers.libraries import Library, open_library
from neuron_compiler.answers.own import read as read_own
from neuron_compiler.failure import one_line
from neuron_compiler.request import Request


@dataclass(frozen=True)
class Answered:
    """Which library was asked, and what it answered; `problem` says why it could not be asked."""

    library: str
    examples: tuple[Example, ...]
    problem: str | None = None


def ask_library(request: Request, source: Path, labels: Sequence[str]) -> Answered:
    """The answers of the library that defines the model in a directory.

    What the library itself can't answer is not asked: the log says what that was, and `problem` the first of
    it.
    """
    named = request.parity.examples
    own = read_own(named, source) if named else []
    try:
        library = open_library(request, source, labels)
        asked = [*library.examples(), *own]
    except MemoryError:
        raise
    except Exception as error:  # each library raises its own
        problem = f"{type(error).__name__}: {one_line(str(error))[:200]}"
        print(f"answers: the model's own library can't read it: {problem}", flush=True)
        return Answered("the requests alone", tuple(example for example in own if example.expected), problem)
    problems: list[str] = []
    answered = [_answered(library, example, problems) for example in asked]
    name = library.name
    del library
    gc.collect()
    count = sum(len(example.expected) for example in answered)
    print(f"answers: {name} has answered {count} times", flush=True)
    told = tuple(example for example in answered if example.refused or example.expected)
    return Answered(name, told, problems[0] if problems else None)


def _answered(library: Library, example: Example, problems: list[str]) -> Example:
    """The example with the rows that the library has an answer to, and these answers."""
    if example.refused or example.expected:
        return example
    answers: dict[int, Expected] = {}
    for row in range(example.rows):
        try:
            answers[row] = library.answer(example, row)
        except MemoryError:
            raise
        except Exception as error:  # each library raises its own
            problem = f"{type(error).__name__}: {one_line(str(error))[:200]}"
            problems.append(problem)
            print(
                f"answers: {example.name}, row {row}: the model's own library has no answer: {problem}",
                flush=True,
            )
    return example.only(tuple(answers)).answered(tuple(answers.values()))
