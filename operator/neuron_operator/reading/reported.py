"""What a container has reported, as far as it can be taken down. Pure.

A model's own code can write the termination message and the log of the containers that run it. What is not of
the type that status has for it is left out, so that no report can keep the operator from writing status.
"""

import json
import math
import re
from collections.abc import Mapping
from typing import Any

_NUMBER, _WHOLE, _TEXT, _YES_OR_NO = "number", "whole", "text", "yes or no"
_LONGEST_TEXT = 128
_LONGEST_WHOLE = 2**53
_MOST = 64
# Terminals obey these, and readers are misled by them; what is between lines is no line of its own.
_UNPRINTABLE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

_OF_BUCKET = {
    "bucket": _TEXT,
    "concurrency": _WHOLE,
    "p50Milliseconds": _NUMBER,
    "p90Milliseconds": _NUMBER,
    "p99Milliseconds": _NUMBER,
    "throughputPerSecond": _NUMBER,
    "cpuBaselinePerSecond": _NUMBER,
}
_DISTANCES = {"passed": _YES_OR_NO, "maxAbs": _NUMBER, "maxRel": _NUMBER, "cosine": _NUMBER}
SHAPES: Mapping[str, Any] = {
    "revision": _TEXT,
    "sizeBytes": _WHOLE,
    "peakMemoryBytes": _WHOLE,
    "verification": _TEXT,
    "manifestSha256": _TEXT,
    "versions": {"*": _TEXT},
    "seconds": {"*": _NUMBER},
    "backend": {"name": _TEXT, "precision": _TEXT, "deviceShare": _NUMBER},
    "parity": {
        **_DISTANCES,
        "metric": _TEXT,
        "value": _NUMBER,
        "tolerance": _NUMBER,
        "buckets": [{"bucket": _TEXT, **_DISTANCES}, 32],
        "answers": {
            "passed": _YES_OR_NO,
            "compared": _WHOLE,
            "differing": _WHOLE,
            "wrong": _WHOLE,
            "worst": _NUMBER,
            "library": _TEXT,
            "example": (_TEXT, 512),
        },
    },
    "benchmark": {
        **_OF_BUCKET,
        "seconds": _NUMBER,
        "speedUp": _NUMBER,
        "loadSeconds": _NUMBER,
        "costPerMillion": _NUMBER,
        "passed": _YES_OR_NO,
        "buckets": [_OF_BUCKET, 256],
    },
}
"""Of a report, what goes into status: its type, as a name; a mapping's, of its keys ("*": any); a list's, of
its items and how many there may be; a text's, with its longest length.
"""
_MISSING = object()


def printable(text: str) -> str:
    """The text with nothing in it that is not shown, but for line breaks."""
    return _UNPRINTABLE.sub("?", text.replace("\t", " "))


def loads(text: str) -> Any:
    """What JSON of somebody else's says. Raises ValueError, also for what nests without end."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it nests too deeply") from None


def taken_down(report: Mapping[str, Any]) -> dict[str, Any]:
    """The report with its sentences printable, and without the results that are not what status can hold."""
    found: dict[str, Any] = {}
    for name, value in report.items():
        if name in SHAPES:
            if (kept := _as(value, SHAPES[name])) is not _MISSING:
                found[name] = kept
        elif isinstance(value, str):
            found[name] = printable(value)
        elif isinstance(value, list):
            found[name] = [printable(each) for each in value if isinstance(each, str)]
    return found


def _as(value: Any, shape: Any) -> Any:
    """The value as far as it has that shape; _MISSING where it has not."""
    if isinstance(shape, Mapping):
        return _mapping(value, shape) if isinstance(value, Mapping) else _MISSING
    if isinstance(shape, list):
        each, most = shape
        return _items(value, each, most) if isinstance(value, list) else _MISSING
    kind, longest = shape if isinstance(shape, tuple) else (shape, _LONGEST_TEXT)
    if kind == _TEXT:
        return printable(value)[:longest] if isinstance(value, str) else _MISSING
    if kind == _YES_OR_NO:
        return value if isinstance(value, bool) else _MISSING
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _MISSING
    if isinstance(value, int):
        return value if abs(value) <= _LONGEST_WHOLE else _MISSING
    return value if kind == _NUMBER and math.isfinite(value) else _MISSING


def _mapping(value: Mapping[str, Any], shape: Mapping[str, Any]) -> dict[str, Any]:
    if "*" in shape:
        named = [(printable(name)[:_LONGEST_TEXT], each, shape["*"]) for name, each in value.items()][:_MOST]
    else:
        named = [(name, each, shape[name]) for name, each in value.items() if name in shape]
    return {name: kept for name, each, of in named if (kept := _as(each, of)) is not _MISSING}


def _items(value: list[Any], shape: Any, most: int) -> list[Any]:
    return [kept for each in value[:most] if (kept := _as(each, shape)) is not _MISSING]
