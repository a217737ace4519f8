"""`python -m neuron_triton.supervisor PORT GUARD... -- SERVER...`: process 1 of the container, parent of
tritonserver and its guard.

When one of the two ends, so does the other, and the container. On SIGTERM the guard goes first: clients with
lasting connections are told that these end, and what is in flight over HTTP is answered. Clients of gRPC,
whose port is named, are told so whenever their connection has reached its age; as soon as all have left,
tritonserver ends, which from then on would refuse their requests.
"""

import logging
import os
import signal
import sys
import time
from contextlib import suppress
from types import FrameType

from neuron_serving.failure import ServingError, report

from neuron_triton import connections
from neuron_triton.guard import DRAIN_SECONDS

log = logging.getLogger("neuron_triton")

_LOOK_SECONDS = 0.1


class Supervisor:
    """The two processes, which it starts."""

    def __init__(self, port: int, guard: list[str], server: list[str]) -> None:
        self._port = port
        self._stopping = False
        self._deadline = 0.0
        self._server = os.spawnvp(os.P_NOWAIT, server[0], server)
        self._guard = os.spawnvp(os.P_NOWAIT, guard[0], guard)

    def stop(self, _: int = 0, __: FrameType | None = None) -> None:
        """Have both end as soon as nothing is in flight."""
        if not self._stopping:
            self._deadline = time.monotonic() + DRAIN_SECONDS
        self._stopping = True
        with suppress(ProcessLookupError):
            os.kill(self._guard, signal.SIGUSR1)

    def run(self) -> int:
        """Wait until both have ended, and return tritonserver's exit code, 128 and more for a signal, or 1
        where the guard died before it.

        As process 1 it also waits for the processes of others that ended before it.
        """
        alive, code = {self._guard, self._server}, 0
        while alive:
            pid, status = os.wait()
            if pid not in alive:
                continue
            alive.remove(pid)
            ended = os.waitstatus_to_exitcode(status)
            if pid == self._server:
                code = code or (ended if ended >= 0 else 128 - ended)
            elif alive and not self._stopping:
                report(ServingError("WorkerDied", f"HAProxy ended with {ended}; the log says why."))
                code = 1
            if alive and self._stopping:
                self._await_departures()
            for other in alive:
                with suppress(ProcessLookupError):
                    os.kill(other, signal.SIGTERM)
        return code

    def _await_departures(self) -> None:
        while time.monotonic() < self._deadline and connections.established(self._port):
            time.sleep(_LOOK_SECONDS)


def main(words: list[str]) -> int:
    """Run the guard and the server whose command lines `--` separates, after the port of gRPC."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    between = words.index("--")
    supervisor = Supervisor(int(words[0]), words[1:between], words[between + 1 :])
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, supervisor.stop)
    return supervisor.run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
