"""How many processors this container may use: a thread for each of the node's would only be throttled."""

from __future__ import annotations

import math
import os
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")


def available(cgroup: Path = _CGROUP) -> int:
    """The CPU limit of the container, rounded up; the processors of the node where there is no limit."""
    processors = len(os.sched_getaffinity(0))
    quota = _quota(cgroup)
    return max(1, min(processors, math.ceil(quota))) if quota else processors


def _quota(cgroup: Path) -> float | None:
    """The CPUs that cgroup v2 or v1 grants, or None."""
    try:
        if (cgroup / "cpu.max").exists():
            limit, period = (cgroup / "cpu.max").read_text().split()
        else:
            limit = (cgroup / "cpu/cpu.cfs_quota_us").read_text().strip()
            period = (cgroup / "cpu/cpu.cfs_period_us").read_text().strip()
        return None if limit in ("max", "-1") else int(limit) / int(period)
    except (OSError, ValueError):
        return None
