"""The stand-ins' Neuron runtime: devices, and cores that belong to one process, with the documented texts.

A device is there when NEURON_RT_VISIBLE_CORES is set, as device plugins do; where STANDIN_NEURON_DEV names a
directory, when it has files neuron0, neuron1, ..., as /dev has. Cores are lock files in STANDIN_NEURON_CORES:
what NEURON_RT_VISIBLE_CORES names, or else as many free ones as NEURON_RT_NUM_CORES says (0: all).
STANDIN_NEURON_DRIVER=old has the driver refuse the runtime, STANDIN_NEURON_TARGET names the device's kind.
"""

from __future__ import annotations

import fcntl
import os
import sys
from pathlib import Path

NOT_INITIALIZED = (
    "The PyTorch Neuron Runtime could not be initialized. Neuron Driver issues are logged to your system "
    "logs. "
    "See the Neuron Runtime's troubleshooting guide for help on this topic"
)
_held: list[int] = []


def has_device() -> bool:
    """Whether this process sees a device."""
    if directory := os.environ.get("STANDIN_NEURON_DEV"):
        return any(Path(directory).glob("neuron[0-9]*"))
    return bool(os.environ.get("NEURON_RT_VISIBLE_CORES"))


def claim(cores_of_device: int) -> None:
    """Takes the cores that this process is told to; they are its own until it ends. Raises RuntimeError."""
    if _held:
        return
    if os.environ.get("STANDIN_NEURON_DRIVER") == "old":
        say("nrt_init", "This runtime requires Neuron Driver version 2.27 or greater.")
        _dump()
        raise RuntimeError(NOT_INITIALIZED)
    if not has_device():
        say("nrt_init", "No neuron device available")
        raise RuntimeError(NOT_INITIALIZED)
    directory = Path(os.environ.get("STANDIN_NEURON_CORES", "/tmp/standin-neuron-cores"))
    directory.mkdir(parents=True, exist_ok=True)
    if visible := os.environ.get("NEURON_RT_VISIBLE_CORES"):
        wanted = _numbers(visible)
        taken = [_lock(directory / str(core)) for core in wanted]
        if None in taken:
            _refuse(wanted)
    else:
        devices = len(list(Path(os.environ["STANDIN_NEURON_DEV"]).glob("neuron[0-9]*")))
        every = range(devices * cores_of_device)
        count = int(os.environ.get("NEURON_RT_NUM_CORES") or 0) or len(every)
        taken = []
        for core in every:
            if len(taken) < count and (file := _lock(directory / str(core))) is not None:
                taken.append(file)
        if len(taken) < count:
            _refuse(list(range(count)))
    _held.extend(file for file in taken if file is not None)


def check_target(target: str) -> None:
    """Raises RuntimeError for a model that is compiled for another kind of device."""
    there = os.environ.get("STANDIN_NEURON_TARGET")
    if there and target and there != target:
        raise RuntimeError("Could not load the model status=2 message=Invalid")


def say(function: str, words: str) -> None:
    """One line of the runtime's log."""
    print(
        f"2026-Jan-01 00:00:00.0000 {os.getpid()}:{os.getpid()} ERROR  NRT:{function}  {words}",
        file=sys.stderr,
        flush=True,
    )


def _refuse(wanted: list[int]) -> None:
    words = f"NeuronCore(s) not available - Requested:nc{wanted[0]}-nc{wanted[-1]} Available:0"
    say("nrt_allocate_neuron_cores", words)
    _dump()
    raise RuntimeError(NOT_INITIALIZED)


def _dump() -> None:
    """What the runtime tells of itself beside any failure."""
    say("nrt_infodump", "NRT version: 2.33.10.0")
    say("nrt_infodump", "Driver version: 2.29.0.0")


def _lock(path: Path) -> int | None:
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    return file


def _numbers(text: str) -> list[int]:
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        found.extend(range(int(first), int(last or first) + 1))
    return found
