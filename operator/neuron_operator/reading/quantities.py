"""Kubernetes quantities (`500m`, `2Gi`, `1e3`) as exact numbers."""

import re
from decimal import Decimal

_SUFFIXES = {
    "": Decimal(1),
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    **{suffix: Decimal(1000) ** power for power, suffix in enumerate("kMGTPE", start=1)},
    **{f"{suffix}i": Decimal(1024) ** power for power, suffix in enumerate("KMGTPE", start=1)},
}
_LONGEST = 64
_FORM = re.compile(r"(?P<number>[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,2})?)(?P<suffix>[numkMGTPE]|[KMGTPE]i)?")


def parse(text: str | int | float) -> Decimal:
    """The value of a quantity.

    Raises ValueError where it is not one.
    """
    # Longer ones and greater exponents are not amounts of anything, and would take memory to compute with.
    match = _FORM.fullmatch(str(text)) if len(str(text)) <= _LONGEST else None
    if match is None:
        raise ValueError(f"{str(text)[:80]!r} is not a quantity such as 500m, 2 or 4Gi")
    return Decimal(match["number"]) * _SUFFIXES[match["suffix"] or ""]


def equal(one: object, other: object) -> bool:
    """Whether both are quantities of the same value."""
    if not isinstance(one, str | int | float) or not isinstance(other, str | int | float):
        return False
    try:
        return parse(one) == parse(other)
    except ValueError:
        return False


def readable_size(size: int) -> str:
    """A number of bytes for people: `5.5 GiB`."""
    value = float(size)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"
