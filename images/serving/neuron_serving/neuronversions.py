"""Which Neuron runtime and driver are here, without importing anything of Neuron.

The runtime is a package of the image's system (dpkg), the driver is the node's and says its version in sysfs.
"""

from __future__ import annotations

import json
from pathlib import Path

_DRIVER = Path("/sys/module/neuron/version")
_PACKAGES = Path("/var/lib/dpkg/status")
_RUNTIME = "aws-neuronx-runtime-lib"


def installed(driver: Path = _DRIVER, packages: Path = _PACKAGES) -> dict[str, str]:
    """The versions of `neuron-driver` and `neuron-runtime`, those of them that are here."""
    found = {"neuron-driver": _first_line(driver), "neuron-runtime": _package(packages)}
    return {name: version for name, version in found.items() if version}


def mismatch(runtime: str, driver: str) -> str | None:
    """Return why this runtime does not start with this driver, None where nothing is known against it.

    Source: aws-neuron-sdk, release-notes of the runtime and the driver.
    """
    if _release(runtime) >= (2, 32) and _release(driver) <= (2, 26):
        return f"the runtime {runtime} needs a Neuron driver newer than 2.26, and the node has {driver}"
    if _release(driver) >= (2, 29) and _release(runtime) < (2, 33):
        return f"the Neuron driver {driver} needs a runtime of 2.33 or newer, and the image has {runtime}"
    return None


def is_older(version: str, other: str) -> bool:
    """Whether a version is of an earlier release than the other one."""
    return _release(version) < _release(other)


def _release(version: str) -> tuple[int, ...]:
    parts = version.split(".")[:2]
    return tuple(int(part) for part in parts if part.isdecimal())


def _first_line(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _package(status: Path) -> str:
    try:
        paragraphs = status.read_text(errors="replace").split("\n\n")
    except OSError:
        return ""
    for paragraph in paragraphs:
        fields = dict(line.split(": ", 1) for line in paragraph.splitlines() if ": " in line)
        if fields.get("Package") == _RUNTIME:
            return fields.get("Version", "")
    return ""


def main() -> None:
    """Print what is here as JSON; `mismatch` says why it does not fit, where that is known."""
    found = installed()
    runtime, driver = found.get("neuron-runtime"), found.get("neuron-driver")
    why = mismatch(runtime, driver) if runtime and driver else None
    print(json.dumps(found if why is None else {**found, "mismatch": why}))


if __name__ == "__main__":
    main()
