"""A node without a kubelet, and the operator as a process beside it.

The API server, its scheduler and its controllers are the real ones; only the kubelet's part is played: the
pods of the hollow node start, answer and end as the test says. So hundreds of models take seconds.
"""

from hollow.node import HollowNode
from hollow.outcomes import (
    CRASHED,
    OUT_OF_MEMORY,
    RUNNING,
    Ends,
    Evicted,
    Outcome,
    Runs,
    Waits,
    failed,
    published,
)

__all__ = [
    "CRASHED",
    "OUT_OF_MEMORY",
    "RUNNING",
    "Ends",
    "Evicted",
    "HollowNode",
    "Outcome",
    "Runs",
    "Waits",
    "failed",
    "published",
]
