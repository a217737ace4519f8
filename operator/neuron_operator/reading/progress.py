"""How far a compile or verify pod has come, by what it last wrote to its log. Pure."""

from dataclasses import dataclass
from typing import Any

from neuron_operator.reading.quantities import readable_size
from neuron_operator.reading.reported import loads, printable

PREFIX = "progress: "
_LONGEST = 256


@dataclass(frozen=True)
class Progress:
    """The step at work, and how far it is, for people: `512.0 MiB of 1.0 GiB, 6 s left`."""

    step: str
    message: str


def newest_progress(log: str) -> Progress | None:
    """The last progress line of a log that can be read, None where there is none."""
    for line in reversed(log.splitlines()):
        if line.startswith(PREFIX):
            found = _parse(line.removeprefix(PREFIX))
            if found is not None:
                return found
    return None


def _parse(text: str) -> Progress | None:
    try:
        said = loads(text)
        return Progress(printable(str(said["step"]))[:64], printable(_message(said))[:_LONGEST])
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return None  # Half a line, or not the compiler's.


def _message(said: dict[str, Any]) -> str:
    done, total, left = int(said["done"]), said.get("total"), said.get("etaSeconds")
    unit = str(said["unit"])
    message = _amount(done, unit) if total is None else f"{_amount(done, unit, bare=True)} of "
    if total is not None:
        message += _amount(int(total), unit)
    return message if left is None else f"{message}, {_duration(int(left))} left"


def _amount(amount: int, unit: str, *, bare: bool = False) -> str:
    if unit == "bytes":
        return readable_size(amount)
    return str(amount) if bare else f"{amount} {unit[:32]}"


def _duration(seconds: int) -> str:
    minutes = round(seconds / 60)
    return f"{seconds} s" if seconds < 120 else f"{minutes} min"
