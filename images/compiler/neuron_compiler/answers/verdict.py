"""What all the answers together say: how many were compared, and whether they are the library's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from neuron_artifact import Answers
from neuron_serving.tensors import Array

from neuron_compiler.answers.example import Example
from neuron_compiler.answers.expected import Distance
from neuron_compiler.answers.reference import Answered
from neuron_compiler.request import ParityGate

PADDING = "texts that fill their bucket agree, so that padding changes the answers"


class Verdict:
    """Counts answers as they come. `known` is what they are compared with, `tolerance` what a number may be
    off in the gate's metric.
    """

    def __init__(self, known: Answered, gate: ParityGate, tolerance: float) -> None:
        self._known = known
        self._metric = gate.metric
        self._tolerance = tolerance
        self._compared = 0
        self._differing = 0
        self._wrong = 0
        self._worst = 0.0
        self._said: tuple[float, str] | None = None
        self._filled: list[bool] = []
        self._short: list[bool] = []

    def answered(
        self, example: Example, outputs: Mapping[str, Array], labels: Sequence[str], bucket: str, padded: bool
    ) -> None:
        """Compares the door's outputs [batch, ...] with the library's answers, row by row; `padded` tells
        whether texts were shorter than the bucket.
        """
        before = self._differing
        for row, expected in enumerate(example.expected):
            self._compared += 1
            try:
                distance = expected.compare({name: array[row] for name, array in outputs.items()}, labels)
            except (KeyError, ValueError, IndexError, TypeError) as error:
                distance = Distance(wrong=f"the answer is of another kind ({type(error).__name__}: {error})")
            value = 0.0 if distance.numbers is None else distance.numbers.value(self._metric)
            self._worst = max(self._worst, value)
            if distance.wrong is not None:
                self._wrong += 1
                self._differs(example, f"{distance.wrong} (bucket {bucket})", float("inf"))
            elif value > self._tolerance:
                text = (
                    f"{self._metric} is {value:.3g}, and {self._tolerance:.3g} is allowed (bucket {bucket})"
                )
                self._differs(example, text, value)
        (self._short if padded else self._filled).append(self._differing == before)

    def refused(self, example: Example, sentence: str) -> None:
        """The door refuses what the library answers."""
        self._compared += len(example.expected)
        self._wrong += 1
        self._differs(example, f"it is refused ({sentence})", float("inf"))

    def not_refused(self, example: Example) -> None:
        """The door answers what it has to refuse."""
        self._compared += 1
        self._wrong += 1
        self._differs(example, "it is answered, and has to be refused", float("inf"))

    def result(self) -> Answers:
        """The whole, as it stands in the manifest and in the status. Where nothing could be compared it has
        not passed.
        """
        example = self._said[1] if self._said else None
        if not self._compared:
            example = f"the library has no answers ({self._known.problem or 'nothing was asked'})"
        elif example and self._padding_tells():
            example = f"{example}; {PADDING}"
        return Answers(
            passed=self._compared > 0 and self._differing == 0,
            compared=self._compared,
            differing=self._differing,
            wrong=self._wrong,
            worst=self._worst,
            library=self._known.library,
            example=example,
        )

    def _padding_tells(self) -> bool:
        """Whether all that fill their bucket agree, and of the shorter ones some do not."""
        return bool(self._filled) and all(self._filled) and not all(self._short)

    def _differs(self, example: Example, text: str, by: float) -> None:
        self._differing += 1
        print(f"answers: {example.name}: {text}", flush=True)
        if self._said is None or by > self._said[0]:
            self._said = (by, f"{example.name}: {text}"[:300])
