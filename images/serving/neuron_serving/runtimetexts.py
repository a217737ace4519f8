"""What Neuron's runtime says when it can't start, load or compute, and what that means.

It prints lines of its own (date, process, level, NRT:...); Python's exception says little more than that it
could not be initialized. Sources, in aws-neuron/aws-neuron-sdk: neuron-runtime/nrt-troubleshoot.rst; issues
#395, #655, #820, #851 and #1338.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# Lines that are no failure: of lower levels, and what the runtime tells of itself beside any failure, the
# driver's version among it.
_BESIDE = re.compile(r"\d:\d+\s+(?:INFO|WARN|DEBUG|TRACE)\b|nrt_infodump(?!\s+Failure:)")
_TELLING = re.compile(
    r"NRT[:_]|TDRV|NEFF version|NeuronCore|Neuron (?:[Dd]evice|[Dd]river|[Rr]untime)|Logical Core|mempool|"
    r"\bnd\d+\b|VNC id|aws_hal|status=\d+ message|"
    r"PJRT_Client|RESOURCE_EXHAUSTED|DEVICE memory"
)


@dataclass(frozen=True)
class Meaning:
    """What a text stands for: a reason, what has happened and what to do, and whether it passes by itself."""

    reason: str
    message: str
    heals: bool


# The more special first: each of these failures also says that the runtime could not be initialized.
_TEXTS: tuple[tuple[str, str, str], ...] = (
    (
        "DriverMismatch",
        r"requires Neuron Driver version|Unable to determine Neuron Driver|upgrade aws-neuron\S*dkms|"
        r"(?:installed|Installed) aws-neuron\S*dkms|aws_hal\w*\s+failed programming",
        "The node's Neuron driver does not fit the image's Neuron runtime: use a node image with the driver "
        "of the image's SDK",
    ),
    (
        "CoresBusy",
        r"NeuronCore\(s\) not available",
        "Another process has the NeuronCores; they come free up to 45 seconds after it has ended",
    ),
    (
        "VersionMismatch",
        r"Logical Core Size",
        "The artifact is compiled for another number of physical cores to a logical one than this process "
        "runs with: compile and serve with the same spec.compile.neuronx.logicalCores",
    ),
    (
        "DeviceMissing",
        r"Could not find VNC id|Could not open the nd",
        "The compiled model needs more NeuronCores than this pod has: request more of them "
        "(spec.serving.cores), or compile for fewer",
    ),
    (
        "VersionMismatch",
        r"NEFF version mismatch|NEFF version: .* not supported|status=2 message=\W?Invalid",
        "The compiled model does not fit this node's Neuron runtime or driver: use images of the SDK that "
        "the driver belongs to",
    ),
    (
        "DeviceOutOfMemory",
        r"status=4 message=\W?Allocation|device mempool|NRT_RESOURCE|Failed to alloc DEVICE memory|"
        r"RESOURCE_EXHAUSTED",
        "The model does not fit the free memory of its NeuronCore: take fewer or smaller buckets",
    ),
    (
        "DeviceTimedOut",
        r"NRT_TIMEOUT|status=5 message=\W?Timeout|execution timed? ?out",
        "A call did not come back from the accelerator within NEURON_RT_EXEC_TIMEOUT: compile on a node "
        "with the accelerator (spec.compile.runsOn), or with another compiler",
    ),
    (
        "DeviceMissing",
        r"No [Nn]euron device|PJRT_Client_Create|nrt_init|/dev/neuron# is accessible|TDRV not initialized|"
        r"Neuron [Rr]untime (?:could not|cannot) be initialized",
        "No Neuron device answers in this pod: let it request one (accelerator.resourceName in the chart), "
        "on a node with the driver",
    ),
)
_HEALS = ("CoresBusy",)


def is_telling(line: str) -> bool:
    """Whether a line may say why the runtime failed."""
    return _TELLING.search(line) is not None and _BESIDE.search(line) is None


def found(text: str) -> Meaning | None:
    """What a text of the runtime stands for, None where it has nothing that is known."""
    lines = [line for line in text.splitlines() if _BESIDE.search(line) is None]
    for reason, pattern, meaning in _TEXTS:
        for line in lines:
            if re.search(pattern, line):
                return Meaning(reason, f"{meaning}: {' '.join(line.split())[:300]}", reason in _HEALS)
    return None
