"""Which NeuronCores a process of a server claims, and what Neuron's runtime is told.

A core belongs to one process. The runtime takes the cores of NEURON_RT_VISIBLE_CORES, which wins over
NEURON_RT_NUM_CORES; the device plugin may set it for the whole container, and without it core numbers start
at 0 in each pod. Source: aws-neuron-sdk, neuron-runtime/nrt-configurable-parameters.rst.
"""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from neuron_artifact import Manifest
from neuron_contract.families import logical_cores

from neuron_serving.failure import ServingError

_EXEC_TIMEOUT_SECONDS = "120"
# Of every process that has claimed cores: closing a file gives its lock away.
_held: list[int] = []


def instance_index(instance_name: str) -> int:
    """Return the 0-based index in Triton's instance name, <model>_<group>_<index> (gpt2_0_1 has 1)."""
    return int(instance_name.rsplit("_", 1)[1])


def visible_cores(text: str) -> tuple[int, ...]:
    """Return the cores in a NEURON_RT_VISIBLE_CORES value: numbers and ranges, for example 0,2-3.

    Raises ServingError (SettingsInvalid).
    """
    cores: list[int] = []
    try:
        for part in text.split(","):
            first, _, last = part.strip().partition("-")
            cores.extend(range(int(first), int(last or first) + 1))
    except ValueError as malformed:
        raise ServingError(
            "SettingsInvalid",
            f"NEURON_RT_VISIBLE_CORES is {text!r}: leave it to the device plugin, or write numbers and "
            f"ranges.",
        ) from malformed
    return tuple(cores)


def groups(cores: int, each: int, visible: str | None) -> tuple[tuple[int, ...], ...]:
    """Return the cores of every process: as many as the pod has room for, `each` cores to a process.

    cores is the pod's number of NeuronCores, visible its NEURON_RT_VISIBLE_CORES. Raises ServingError.
    """
    numbers = visible_cores(visible) if visible else tuple(range(cores))
    if len(numbers) < cores:
        raise ServingError(
            "SettingsInvalid",
            f"The pod has {len(numbers)} NeuronCores (NEURON_RT_VISIBLE_CORES={visible}) and serves with "
            f"{cores}: "
            "lower spec.serving.cores or request more cores.",
        )
    if cores % each:
        raise ServingError(
            "SettingsInvalid",
            f"The model is compiled for a pipeline of {each} cores and the pod serves with {cores}: set "
            f"spec.serving.cores to a multiple of {each}.",
        )
    return tuple(tuple(numbers[first : first + each]) for first in range(0, cores, each))


def pipeline(manifest: Manifest) -> int:
    """Return how many cores one process of the model needs: those of its pipeline, else 1."""
    return int(_compiled(manifest).get("pipelineCores") or 1)


def runtime(manifest: Manifest) -> dict[str, str]:
    """Return what Neuron's runtime is told of the artifact, before it is imported."""
    told = {"NEURON_RT_EXEC_TIMEOUT": os.environ.get("NEURON_RT_EXEC_TIMEOUT") or _EXEC_TIMEOUT_SECONDS}
    made = logical_cores(str(manifest.request.get("target")), _compiled(manifest).get("logicalCores"))
    return told if made is None else {**told, "NEURON_LOGICAL_NC_CONFIG": str(made)}


def environment(cores: Sequence[int]) -> dict[str, str]:
    """Return the environment with which a process sees these cores alone."""
    return {
        "NEURON_RT_VISIBLE_CORES": ",".join(map(str, cores)),
        "NEURON_RT_NUM_CORES": str(len(cores)),
    }


def take(directory: Path, choices: Sequence[Sequence[int]]) -> Sequence[int]:
    """Return the first cores that no other process of this container has taken; they are this one's until it
    ends.

    Servers that do not number their processes share the cores so. Raises ServingError (CoresBusy).
    """
    directory.mkdir(parents=True, exist_ok=True)
    for cores in choices:
        file = os.open(directory / "-".join(map(str, cores)), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            continue
        _held.append(file)
        return cores
    raise ServingError("CoresBusy", "All of the pod's NeuronCores have a process already.")


@contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Hold back the other processes of this container that load: together they would need a multiple of the
    memory.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _compiled(manifest: Manifest) -> dict[str, Any]:
    said: dict[str, Any] = manifest.request.get("compile", {})
    return said
