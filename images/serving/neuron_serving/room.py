"""Whether an artifact fits the memory that its server may use, said before anything is loaded.

A server that is too small ends by a kill in the middle of its load; a sentence in the log that was there
before it saves the search.
"""

from collections.abc import Iterator
from pathlib import Path

from neuron_artifact import Manifest
from neuron_contract.families import logical_cores
from neuron_contract.instances import memory_of_core
from neuron_contract.memory import MEBIBYTE, needed

from neuron_serving import cores

_CGROUP = Path("/sys/fs/cgroup")


def memory_limit(cgroup: Path = _CGROUP) -> int | None:
    """Return the bytes that this container may use, None where nothing limits them or nobody says it."""
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        try:
            said = (cgroup / name).read_text().strip()
        except OSError:
            continue
        # cgroups of the first kind say a number near 2**63 where there is no limit.
        return int(said) if said.isdecimal() and int(said) < 2**60 else None
    return None


def shortages(manifest: Manifest, served_cores: int, limit: int | None) -> Iterator[str]:
    """Yield a sentence for each memory that is too small for the artifact.

    served_cores counts the pod's NeuronCores, and is 1 on a CPU; limit is the container's, in bytes. What is
    computed is the least that is needed: each process holds the weights of every bucket, and while one is
    loaded its file too.
    """
    each = cores.pipeline(manifest)
    processes = max(1, served_cores // each)
    files = [_size(manifest, bucket.path) for bucket in manifest.buckets]
    weights = sum(files)
    least = needed(processes, weights, max(files, default=0))
    if limit is not None and least > limit:
        yield (
            f"The container may use {_text(limit)} of memory, and {processes} processes with "
            f"{_text(weights)} of compiled buckets each need {_text(least)} or more while they load: raise "
            f"spec.serving.resources.limits.memory, lower spec.serving.cores, or compile fewer buckets."
        )
    target = str(manifest.request.get("target"))
    core = memory_of_core(target)
    if core is None:
        return
    asked = (manifest.request.get("compile") or {}).get("logicalCores")
    there = core * MEBIBYTE * each * (logical_cores(target, asked) or 1)
    if weights > there:
        yield (
            f"The cores of a process have {_text(there)} of the accelerator's memory, and the compiled "
            f"buckets have {_text(weights)}: compile fewer buckets, or a smaller model."
        )


def _size(manifest: Manifest, path: str) -> int:
    return sum(
        entry.bytes for entry in manifest.files if entry.path == path or entry.path.startswith(f"{path}/")
    )


def _text(size: int) -> str:
    return f"{size / MEBIBYTE:,.0f} MiB"
