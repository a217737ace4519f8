"""When a kill comes: anywhere in a compile's life, or shortly after it has come to a certain step."""

import random
import threading
from dataclasses import dataclass

from toolbox.torture.steps import COMPILE, FETCH, PARITY, PUBLISH, Log

# The seconds after a step is named in which a kill is likely to hit it.
_SPANS = {FETCH: 1.0, COMPILE: 1.0, PARITY: 0.5, PUBLISH: 0.1}
_AIMS = (FETCH, COMPILE, PARITY, PUBLISH, PUBLISH)
_AIMED = 0.5
_AFTER_THE_END = 1.15


@dataclass(frozen=True)
class Moment:
    """Where `step` is None: `part` of a whole compile's time after its start, which may be after its end.

    Else `part` seconds after the log has named that step.
    """

    step: str | None
    part: float

    @classmethod
    def draw(cls, dice: random.Random) -> "Moment":
        if dice.random() < _AIMED:
            step = dice.choice(_AIMS)
            return cls(step, _SPANS[step] * dice.random())
        return cls(None, dice.uniform(0, _AFTER_THE_END))

    def __str__(self) -> str:
        if self.step is None:
            return f"at {self.part:.0%} of a whole compile"
        return f"{self.part * 1000:.0f} ms after the step {self.step} is named"

    def wait(self, log: Log, whole: float, elapsed: float, ended: threading.Event) -> None:
        """Wait for the moment of a compile that began `elapsed` s ago, where a whole one takes `whole` s.

        Returns early when `ended` is set.
        """
        if self.step is None:
            ended.wait(max(0.0, self.part * whole - elapsed))
        elif log.reaches(self.step, timeout=2 * whole):
            ended.wait(self.part)
