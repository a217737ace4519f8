"""When a kill comes: anywhere in a compile's life, or shortly after it has come to a certain step."""

import random
import threading
from dataclasses import dataclass

from toolbox.torture.steps import COMPILE, FETCH, PARITY, Log

# After the last line of parity, or of the benchmark where there is one, comes what is shortest: publishing.
_AIMS = (FETCH, COMPILE, PARITY, PARITY, PARITY)
_AIMED = 0.5
_AFTER_THE_END = 1.15


@dataclass(frozen=True)
class Moment:
    """Where `step` is None: `part` of a whole compile's time after its start, which may be after its end.

    Else `part` of a second after the log has named that step.
    """

    step: str | None
    part: float

    @classmethod
    def draw(cls, dice: random.Random) -> "Moment":
        if dice.random() < _AIMED:
            return cls(dice.choice(_AIMS), dice.random())
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
