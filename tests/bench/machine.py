"""The machine that measures, in words that fit any machine of its kind."""

import os
import platform
from pathlib import Path
from typing import Any


def describe(kubernetes: str) -> dict[str, Any]:
    """Processor, cores, memory (GiB), kernel, Python and Kubernetes; no names."""
    return {
        "cpu": processor(Path("/proc/cpuinfo").read_text()),
        "cores": os.cpu_count(),
        "memoryGiB": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "kernel": platform.release().split("-")[0],
        "python": platform.python_version(),
        "kubernetes": kubernetes,
    }


def processor(cpuinfo: str) -> str:
    """The processor's name from /proc/cpuinfo; the architecture where it has none, as on ARM."""
    for line in cpuinfo.splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return value.strip()
    return platform.machine()
