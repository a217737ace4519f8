"""The processes of a local cluster, found again by a mark in their environment.

No file of process ids can be out of date, and whatever a process starts carries the mark too.
"""

import hashlib
import os
import signal
import subprocess
from collections.abc import Callable, Sequence
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

    def ensure(self, name: str, command: Sequence[str], configuration: Sequence[str] = ()) -> bool:
        """Start the process, unless it runs with this command and configuration; say whether it was started.

        `configuration` is the text of the files that the command reads.
        """
        version = hashlib.sha256(repr((command, configuration)).encode()).hexdigest()[:16]
        running = self.running().get(name, {})
        if running and set(running.values()) == {version}:
            return False
        self._kill(lambda: set(self.running().get(name, {})))
        self._logs.mkdir(parents=True, exist_ok=True)
        marked = {
            **{key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")},
            "PATH": f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin",
            _CLUSTER: str(self._root),
            _PROCESS: f"{name}:{version}",
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
        return True

    def running(self) -> dict[str, dict[int, str]]:
        """Return, by process name, the ids of what runs under it and the version of its command."""
        found: dict[str, dict[int, str]] = {}
        for pid, environment in self._marked().items():
            for entry in environment:
                key, _, value = entry.decode(errors="replace").partition("=")
                if key == _PROCESS:
                    name, _, version = value.partition(":")
                    found.setdefault(name, {})[pid] = version
        return found

    def first(self, name: str) -> int:
        """Return the id of the process that was started as `name`. Raises RuntimeError if it has ended."""

        def pid() -> int | None:
            return min(self.running().get(name, {}), default=None)

        try:
            # While a process becomes another program its environment is empty for a moment.
            return until(pid, name, seconds=1, interval=0.02)
        except RuntimeError as error:
            raise RuntimeError(f"{name} has ended: see {self._logs / name}.log") from error

    def kill_all(self) -> None:
        """Kill everything that carries the mark and return when all of it is gone."""
        self._kill(lambda: set(self._marked()))

    def _kill(self, pids: Callable[[], set[int]]) -> None:
        def none_left() -> bool | None:
            remaining = pids()
            for pid in remaining:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            return None if remaining else True

        until(none_left, "the end of the cluster's processes", seconds=60, interval=0.05)

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
