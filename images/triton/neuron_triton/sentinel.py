"""Ends the server when a model's process dies.

tritonserver calls a model ready whose process was killed, and answers its requests with errors for ever.
So each model process starts a sentinel (`python -m neuron_triton.sentinel PID`), a process that outlives it:
its standard input ends when the model process does. Unless that was announced, it stops the server, which
leaves its ports at once and the container after the exit timeout; Kubernetes starts it again.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from neuron_serving.failure import TERMINATION_LOG, ServingError, report

GOODBYE = b"goodbye"
# Where a container sees how often the kernel killed one of its processes for memory: cgroup v2, then v1.
MEMORY_EVENTS = (Path("/sys/fs/cgroup/memory.events"), Path("/sys/fs/cgroup/memory/memory.oom_control"))


class Sentinel:
    """The sentinel of this process, for the server that is its parent."""

    def __init__(self) -> None:
        # The interpreter by its name, because sys.executable is Triton's stub inside the stub.
        python = shutil.which("python3") or sys.executable
        command = [python, "-m", "neuron_triton.sentinel", str(os.getppid())]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE)

    def dismiss(self) -> None:
        """Announce that this process ends as it should."""
        self._process.communicate(GOODBYE)


def killed_for_memory(files: tuple[Path, ...] = MEMORY_EVENTS) -> bool:
    """Return whether the kernel has killed a process of this container because it needed too much memory."""
    texts = (path.read_text() for path in files if path.is_file())
    counts = (re.search(r"^oom_kill (\d+)$", text, re.MULTILINE) for text in texts)
    return any(count is not None and int(count[1]) > 0 for count in counts)


def cause(out_of_memory: bool) -> ServingError:
    """Return what to tell of a model process that died."""
    if out_of_memory:
        return ServingError(
            "ServerOutOfMemory",
            "The model's process was killed because it needs more memory than the container's limit: raise "
            "serving.resources.limits.memory.",
        )
    return ServingError(
        "WorkerDied", "The model's process died while it was loaded or computed; its log says where."
    )


def main(server: int) -> None:
    """Wait for this process's standard input to end; without a goodbye, stop the server."""
    if sys.stdin.buffer.read() == GOODBYE:
        return
    # What the model process itself said of its end says more.
    if not (TERMINATION_LOG.exists() and TERMINATION_LOG.stat().st_size):
        report(cause(killed_for_memory()))
    os.kill(server, signal.SIGTERM)


if __name__ == "__main__":
    main(int(sys.argv[1]))
