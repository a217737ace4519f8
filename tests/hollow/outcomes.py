"""What can become of a pod's container: it runs, it ends, or it waits for something that does not come."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Runs:
    """Runs for as long as the pod lives; `ready` is what its readiness probe would say."""

    ready: bool = True


@dataclass(frozen=True)
class Ends:
    """Runs for a moment and ends.

    Attributes:
        exit_code: of the container's process.
        reason: the kubelet's word for it: Completed, Error or OOMKilled.
        message: the termination message, written as JSON; empty where the process had no time for one.
    """

    exit_code: int
    reason: str
    message: Mapping[str, Any]


@dataclass(frozen=True)
class Waits:
    """Never starts, or not again.

    Attributes:
        reason: the kubelet's word for it, for example ImagePullBackOff or CrashLoopBackOff.
        message: the kubelet's sentence.
        last: how the container ended before, in a crash loop.
    """

    reason: str
    message: str
    last: Ends | None = None


@dataclass(frozen=True)
class Evicted:
    """Runs for a moment, and is put out by the kubelet.

    Attributes:
        message: the kubelet's sentence.
        pressure: whether the node was short of something, which the kubelet says in a condition besides; else
            the pod has gone beyond a limit of its own.
    """

    message: str
    pressure: bool


Outcome = Runs | Ends | Waits | Evicted

RUNNING = Runs()
OUT_OF_MEMORY = Ends(exit_code=137, reason="OOMKilled", message={})
CRASHED = Ends(exit_code=1, reason="Error", message={})


def published(**changes: Any) -> Ends:
    """The compiler's success, as it reports one; `changes` are merged over the report."""
    report = {
        "outcome": "Published",
        "manifestSha256": "5" * 64,
        "revision": None,
        "sizeBytes": 12_582_912,
        "versions": {"python": "3.11.2", "torch": "2.13.0", "transformers": "4.57.1"},
        "seconds": {
            "fetch": 0.1,
            "compile": 1.5,
            "parity": 0.2,
            "benchmark": 1.0,
            "publish": 0.1,
            "total": 2.9,
        },
        "parity": {
            "passed": True,
            "metric": "MaxAbs",
            "value": 1e-6,
            "tolerance": 1e-4,
            "maxAbs": 1e-6,
            "maxRel": 2e-6,
            "cosine": 1e-9,
        },
        "benchmark": {
            "bucket": "b1_s128",
            "seconds": 1.0,
            "p50Milliseconds": 10.0,
            "p90Milliseconds": 11.0,
            "p99Milliseconds": 12.0,
            "throughputPerSecond": 100.0,
            "cpuBaselinePerSecond": 50.0,
            "speedUp": 2.0,
        },
    }
    return Ends(exit_code=0, reason="Completed", message={**report, **changes})


def failed(reason: str, message: str, *, exit_code: int = 10) -> Ends:
    """The compiler's failure: 10 for good, 11 for one that may heal."""
    return Ends(
        exit_code=exit_code,
        reason="Error",
        message={"outcome": "Failed", "reason": reason, "message": message},
    )
