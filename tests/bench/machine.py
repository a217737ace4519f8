"""The machine that measures, in words that fit any machine of its kind."""

import os
import platform
from pathlib import Path
from typing import Any


def describe(kubernetes: str) -> dict[str, Any]:
    """Processor, its bf16 instructions, cores, memory (GiB), kernel, Python and Kubernetes; no names."""
    cpuinfo = Path("/proc/cpuinfo").read_text()
    return {
        "cpu": processor(cpuinfo),
        "bf16": bf16(cpuinfo),
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


def bf16(cpuinfo: str) -> list[str]:
    """Which of the processor's instructions compute in bf16, by the names that /proc/cpuinfo gives them."""
    flags = (
        line.partition(":")[2] for line in cpuinfo.splitlines() if line.startswith(("flags", "Features"))
    )
    return sorted({"avx512_bf16", "amx_bf16", "bf16"} & set(next(flags, "").split()))
