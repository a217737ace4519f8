"""What a status says, as samples of metrics. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from neuron_operator.reading.conditions import FALSE, READY, TRUE
from neuron_operator.reading.objects import condition_in, parse_time
from neuron_operator.terms.gauges import Family, Sample

_LONGEST_LABEL = 128


def number(family: Family, value: object, scale: float = 1.0) -> Iterator[Sample]:
    """A sample of a number; none of anything else: some come from a compiled model's own pod."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        yield Sample(family, value * scale)


def time(family: Family, text: object) -> Iterator[Sample]:
    """A sample of a time, in seconds of POSIX."""
    if isinstance(text, str):
        yield Sample(family, parse_time(text).timestamp())


def one(family: Family, labels: Mapping[str, object]) -> Iterator[Sample]:
    """A sample that is there for its labels."""
    said = {name: str(labels.get(name) or "")[:_LONGEST_LABEL] for name in family.labels}
    yield Sample(family, 1.0, said)


def phase(family: Family, status: Mapping[str, Any]) -> Iterator[Sample]:
    """The phase, and the reason of the condition Ready."""
    ready = condition_in(status, READY) or {}
    yield from one(family, {"phase": status.get("phase"), "reason": ready.get("reason")})


def conditions(family: Family, status: Mapping[str, Any]) -> Iterator[Sample]:
    """1 for each condition that is True, 0 for each that is False."""
    for condition in status.get("conditions") or ():
        if condition["status"] in (TRUE, FALSE):
            held = 1.0 if condition["status"] == TRUE else 0.0
            yield Sample(family, held, {"condition": str(condition["type"])})
