"""What a library answers to one text or picture, and how far a door's answer is from it.

Each class is one kind of answer. `compare` takes the door's outputs for one row, without the batch.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Protocol

import numpy as np
import torch
from neuron_serving.tensors import Array

from neuron_compiler import parity
from neuron_compiler.metrics import Difference, merge

Outputs = Mapping[str, Any]


@dataclass(frozen=True)
class Distance:
    """How far an answer is: its numbers, where there are any to compare, and what is wrong beyond numbers."""

    numbers: Difference | None = None
    wrong: str | None = None


class Expected(Protocol):
    """One answer of a library."""

    def compare(self, outputs: Outputs, labels: Sequence[str]) -> Distance:
        """The distance of a door's outputs for the row; `labels` are the door's, behind its scores."""


@dataclass(frozen=True)
class Classes:
    """The score of every label; a label may be there more than once."""

    names: tuple[str, ...]
    scores: Array

    def compare(self, outputs: Outputs, labels: Sequence[str]) -> Distance:
        """Every label's score, and the best label, unless two are equally good."""
        scores = np.asarray(outputs["scores"], dtype=np.float64)
        if sorted(labels) != sorted(self.names) or len(labels) != len(scores):
            return Distance(wrong=f"the labels are {_few(labels)} instead of {_few(self.names)}")
        wanted, found = _by_name(self.names, self.scores), _by_name(labels, scores)
        distance = _numbers(wanted, found)
        label, best = outputs["label"][0].decode(), self.scores.max()
        own = max(
            score for name, score in zip(self.names, self.scores.tolist(), strict=True) if name == label
        )
        if best - own > 2 * distance.max_abs:
            return Distance(distance, f"the label is {label} instead of {self._best()}")
        return Distance(merge([distance, _numbers([best], outputs["score"])]))

    def _best(self) -> str:
        return self.names[int(self.scores.argmax())]


@dataclass(frozen=True)
class Vector:
    """The vector of a text or a picture, fp32 [hidden]."""

    values: Array

    def compare(self, outputs: Outputs, labels: Sequence[str]) -> Distance:
        """Every number of the one vector that the door gives."""
        if len(outputs) != 1:
            return Distance(wrong=f"the answer is {', '.join(outputs)} instead of one vector")
        (found,) = outputs.values()
        if found.shape != self.values.shape:
            return Distance(wrong=f"the vector has {found.shape} numbers instead of {self.values.shape}")
        return Distance(_numbers(self.values, found))


@dataclass(frozen=True)
class TokenVectors:
    """The vector of each token, fp32 [tokens, hidden]."""

    values: Array

    def compare(self, outputs: Outputs, labels: Sequence[str]) -> Distance:
        """Every number of the text's own tokens."""
        if "last_hidden_state" not in outputs:
            return Distance(wrong=f"the answer is {', '.join(outputs)} instead of a vector for each token")
        count = int(outputs["token_count"][0])
        if count != len(self.values):
            return Distance(wrong=f"the text has {count} tokens instead of {len(self.values)}")
        return Distance(_numbers(self.values, outputs["last_hidden_state"][:count]))


@dataclass(frozen=True)
class Entities:
    """The tokens whose label is not O: label, first and last character, score. `undecided` are places of
    tokens for which two labels are as good as equal.
    """

    places: tuple[tuple[str, int, int], ...]
    scores: Array
    undecided: tuple[tuple[int, int], ...] = ()

    def compare(self, outputs: Outputs, labels: Sequence[str]) -> Distance:
        """The entities in their order, and their scores."""
        content = json.loads(outputs["entities"][0])
        open_ = set(self.undecided)
        wanted = [
            (place, score)
            for place, score in zip(self.places, self.scores.tolist(), strict=True)
            if place[1:] not in open_
        ]
        found = [
            ((each["label"], each["start"], each["end"]), each["score"])
            for each in content
            if (each["start"], each["end"]) not in open_
        ]
        if [place for place, _ in wanted] != [place for place, _ in found]:
            missing = [place for place, _ in wanted if place not in {each for each, _ in found}]
            extra = [place for place, _ in found if place not in {each for each, _ in wanted}]
            return Distance(wrong=f"the entities lack {_few(missing)} and have {_few(extra)} instead")
        return Distance(_numbers([score for _, score in wanted], [score for _, score in found]))


@dataclass(frozen=True)
class Span:
    """The best answers in a context, as characters, those with as good as the best score; of each the `least`
    and the `most` that its score may be: spans at the edge of the candidates may count or not.
    """

    context: str
    places: tuple[tuple[int, int], ...]
    least: tuple[float, ...]
    most: tuple[float, ...]

    def compare(self, outputs: Outputs, labels: Sequence[str]) -> Distance:
        """The place, the text and the score."""
        place = (int(outputs["start"][0]), int(outputs["end"][0]))
        if place not in self.places:
            return Distance(wrong=f"the answer is at {place} instead of {self.places[0]}")
        if outputs["answer"][0].decode() != self.context[slice(*place)]:
            return Distance(wrong=f"the answer at {place} is {outputs['answer'][0].decode()!r}")
        index, score = self.places.index(place), float(outputs["score"][0])
        return Distance(_numbers([min(max(score, self.least[index]), self.most[index])], [score]))


@dataclass(frozen=True)
class Words:
    """The likeliest words, the best first, more of them than a door gives, with their scores."""

    words: tuple[str, ...]
    scores: Array

    def compare(self, outputs: Outputs, labels: Sequence[str]) -> Distance:
        """The scores in their order, and that each word has its own score."""
        words = [word.decode() for word in outputs["tokens"]]
        found = np.asarray(outputs["scores"], dtype=np.float64)
        distance = _numbers(self.scores[: len(found)], found)
        for word, score in zip(words, found.tolist(), strict=True):
            own = [
                known for name, known in zip(self.words, self.scores.tolist(), strict=True) if name == word
            ]
            if not any(abs(known - score) <= 2 * distance.max_abs + 1e-6 for known in own):
                return Distance(distance, f"the words are {_few(words)} instead of {_few(self.words)}")
        return Distance(distance)


@dataclass(frozen=True)
class Tensors:
    """Outputs by name, as a user's own module or example has them."""

    values: Mapping[str, Array] = field(default_factory=dict)

    def compare(self, outputs: Outputs, labels: Sequence[str]) -> Distance:
        """Every number of every output that is named here."""
        distances = []
        for name, wanted in self.values.items():
            if name not in outputs:
                return Distance(wrong=f"the answer has no {name}, only {', '.join(outputs)}")
            found = np.asarray(outputs[name])
            if found.dtype == np.object_ or np.asarray(wanted).dtype.kind in "UO":
                said = [each.decode() if isinstance(each, bytes) else str(each) for each in found.ravel()]
                if said != [str(each) for each in np.asarray(wanted).ravel()]:
                    return Distance(wrong=f"{name} is {_few(said)} instead of {_few(list(wanted))}")
                continue
            if found.size != np.asarray(wanted).size:
                return Distance(wrong=f"{name} has {found.size} numbers instead of {np.asarray(wanted).size}")
            distances.append(_numbers(wanted, found))
        return Distance(merge(distances) if distances else None)


_KINDS = {kind.__name__: kind for kind in (Classes, Vector, TokenVectors, Entities, Span, Words, Tensors)}


def to_json(expected: Expected) -> dict[str, Any]:
    """The answer as a JSON object that `from_json` reads again."""
    content = {each.name: _written(getattr(expected, each.name)) for each in fields(expected)}  # type: ignore[arg-type]
    return {"kind": type(expected).__name__, **content}


def from_json(content: Mapping[str, Any]) -> Expected:
    """The inverse of `to_json`. Raises KeyError or TypeError."""
    kind = _KINDS[content["kind"]]
    found: Expected = kind(**{name: _read(value) for name, value in content.items() if name != "kind"})
    return found


def _written(value: Any) -> Any:
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        numbers = np.ascontiguousarray(value, dtype=np.float32)
        return {"shape": list(value.shape), "fp32": base64.b64encode(numbers.tobytes()).decode()}
    if isinstance(value, Mapping):
        return {"named": {name: _written(each) for name, each in value.items()}}
    return value.tolist() if isinstance(value, np.ndarray) else value


def _read(value: Any) -> Any:
    if isinstance(value, Mapping) and "fp32" in value:
        return np.frombuffer(base64.b64decode(value["fp32"]), dtype=np.float32).reshape(value["shape"])
    if isinstance(value, Mapping):
        return {name: _read(each) for name, each in value["named"].items()}
    if isinstance(value, list):
        return tuple(tuple(each) if isinstance(each, list) else each for each in value)
    return value


def _by_name(names: Sequence[str], scores: Array) -> list[float]:
    return [score for _, score in sorted(zip(names, scores.tolist(), strict=True))]


def _numbers(wanted: Any, found: Any) -> Difference:
    left, right = (np.asarray(values, dtype=np.float64).ravel() for values in (wanted, found))
    if not len(left):
        return Difference(0.0, 0.0, 0.0, 0.0, 0.0)
    return parity.difference(torch.from_numpy(left), torch.from_numpy(right))


def _few(values: Sequence[Any]) -> str:
    shown = ", ".join(str(value) for value in values[:3])
    return f"[{shown}{', ...' if len(values) > 3 else ''}]"
