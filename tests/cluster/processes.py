"""The processes of a local cluster, found again by a mark in their environment.

No file of process ids can be out of date, and whatever a process starts carries the mark too.
"""

import hashlib
import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cluster.progress import until

_CLUSTER = "NEURON_OPERATOR_CLUSTER"
_PROCESS = "NEURON_OPERATOR_PROCESS"


class Processes:
    """The processes of the cluster whose data lies in `root`; their output goes to `logs`/<name>.log."""

    def __init__(self, root: Path, logs: Path) -> None:
        self._mark = f"{_CLUSTER}={root}".encode()
        self._root = root
        self._logs = logs

    def ensure(self, name: str, command: Sequence[str], prepare: Callable[[], None] = lambda: None) -> None:
        """Start the process, unless one of that name runs: what runs is never disturbed.

        `prepare` is called before the start, when nothing of an earlier process of that name is left.
        """
        if name in self.running():
            return
        prepare()
        self._logs.mkdir(parents=True, exist_ok=True)
        marked = {
            **{key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")},
            "PATH": f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin",
            _CLUSTER: str(self._root),
            _PROCESS: f"{name}:{_version(command)}",
        }
        with (self._logs / f"{name}.log").open("ab") as log:
            subprocess.run(
                ["setsid", "--fork", *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=marked,
                cwd="/",
                check=True,
            )

    def running(self) -> dict[str, int]:
        """Return the names of what runs, each with the lowest id of a process that carries it."""
        return {name: min(pids) for name, (pids, _) in self._by_name().items()}

    def is_outdated(self, name: str, command: Sequence[str]) -> bool:
        """Say whether the running process was started by another command than it would be now."""
        _, versions = self._by_name().get(name, (set(), set()))
        return bool(versions - {_version(command)})

    def first(self, name: str) -> int:
        """Return the id of the process that was started as `name`. Raises RuntimeError if it has ended."""

        try:
            # While a process becomes another program its environment is empty for a moment.
            return until(lambda: self.running().get(name), name, seconds=1, interval=0.02)
        except RuntimeError as error:
            raise RuntimeError(f"{name} has ended: see {self._logs / name}.log") from error

    @contextmanager
    def paused(self, name: str) -> Iterator[None]:
        """Let the process stand still meanwhile."""
        pid = self.first(name)
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def kill_all(self) -> None:
        """Kill everything that carries the mark and return when all of it is gone."""

        def none_left() -> bool | None:
            remaining = self._marked()
            for pid in remaining:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            return None if remaining else True

        until(none_left, "the end of the cluster's processes", seconds=60, interval=0.05)

    def _by_name(self) -> dict[str, tuple[set[int], set[str]]]:
        found: dict[str, tuple[set[int], set[str]]] = {}
        for pid, environment in self._marked().items():
            for entry in environment:
                key, _, value = entry.decode(errors="replace").partition("=")
                if key == _PROCESS:
                    name, _, version = value.partition(":")
                    pids, versions = found.setdefault(name, (set(), set()))
                    pids.add(pid)
                    versions.add(version)
        return found

    def _marked(self) -> dict[int, list[bytes]]:
        found = {}
        for directory in Path("/proc").iterdir():
            if not directory.name.isdigit():
                continue
            try:
                environment = (directory / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if self._mark in environment:
                found[int(directory.name)] = environment
        return found


def _version(command: Sequence[str]) -> str:
    return hashlib.sha256(repr(list(command)).encode()).hexdigest()[:16]
