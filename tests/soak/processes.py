"""The processes of a server's container: which there are, and the memory they hold."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from support.kube import Kube

# Runs in the container. The process that looks is left out, and what ends meanwhile.
LOOK = """
import json, os, pathlib
seen = {}
for each in pathlib.Path("/proc").iterdir():
    if not each.name.isdecimal() or int(each.name) == os.getpid():
        continue
    try:
        stat = (each / "stat").read_text().rpartition(")")[2].split()
        name = (each / "comm").read_text().strip()
    except OSError:
        continue
    seen[each.name + "/" + stat[19]] = [name, int(stat[21]) * os.sysconf("SC_PAGE_SIZE")]
print(json.dumps(seen))
"""


@dataclass(frozen=True)
class Process:
    """Its name, and its resident memory in bytes; pages that processes share count for each."""

    name: str
    resident: int


def look(kube: Kube, namespace: str, pod: str) -> dict[str, Process]:
    """The container's processes by number and start, so that a process that took a number anew is another."""
    seen = json.loads(kube.kubectl("exec", pod, "-n", namespace, "--", "python", "-c", LOOK))
    return {key: Process(*each) for key, each in seen.items()}


def ended(before: Mapping[str, Process], after: Mapping[str, Process]) -> list[str]:
    """The names of the processes that are not there any more."""
    return sorted(process.name for key, process in before.items() if key not in after)


def growth(samples: Sequence[int]) -> float:
    """The memory at the end over that after the warm-up: medians of a tenth of the samples each.

    The warm-up is the first sixth. Raises ValueError for fewer than six samples.
    """
    if len(samples) < 6:
        raise ValueError(f"{len(samples)} samples of memory are too few: let the soak run for longer")
    settled = samples[len(samples) // 6 :]
    width = max(1, len(samples) // 10)
    return _median(settled[-width:]) / _median(settled[:width])


def _median(values: Sequence[int]) -> float:
    return float(sorted(values)[len(values) // 2])
