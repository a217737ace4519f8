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

    What the library itself can't answer is not compared: the log says what that was.
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
        return Answered("none", tuple(example for example in own if example.expected), problem)
    answered = tuple(
        example if example.expected else example.answered(_answers(library, example)) for example in asked
    )
    name = library.name
    del library
    gc.collect()
    print(f"answers: {name} has answered {sum(example.rows for example in answered)} times", flush=True)
    return Answered(name, answered)


def _answers(library: Library, example: Example) -> tuple[Expected | None, ...]:
    if example.refused:
        return ()
    return tuple(_answer(library, example, row) for row in range(example.rows))


def _answer(library: Library, example: Example, row: int) -> Expected | None:
    try:
        return library.answer(example, row)
    except MemoryError:
        raise
    except Exception as error:  # each library raises its own
        text = f"{type(error).__name__}: {one_line(str(error))[:200]}"
        print(
            f"answers: {example.name}, row {row}: the model's own library has no answer: {text}", flush=True
        )
        return None
