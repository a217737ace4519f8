"""`python -m neuron_triton.supervisor FRONT... -- SERVER...`: process 1 of the container, parent of
tritonserver and the front before it.

When one of the two ends, so does the other, and the container. On SIGTERM the front goes first: clients with
lasting connections are told that these end, and what is in flight is answered. Then tritonserver ends.
"""

import logging
import os
import signal
import sys
from contextlib import suppress
from types import FrameType

from neuron_serving.failure import TERMINATION_LOG, ServingError, report

log = logging.getLogger("neuron_triton")


class Supervisor:
    """The two processes, which it starts."""

    def __init__(self, front: list[str], server: list[str]) -> None:
        self._stopping = False
        self._server = os.spawnvp(os.P_NOWAIT, server[0], server)
        self._front = os.spawnvp(os.P_NOWAIT, front[0], front)

    def stop(self, _: int = 0, __: FrameType | None = None) -> None:
        """Have both end as soon as nothing is in flight."""
        self._stopping = True
        with suppress(ProcessLookupError):
            os.kill(self._front, signal.SIGTERM)

    def run(self) -> int:
        """Wait until both have ended, and return tritonserver's exit code, 128 and more for a signal, or 1
        where the front died before it.

        As process 1 it also waits for the processes of others that ended before it.
        """
        alive, code = {self._front, self._server}, 0
        while alive:
            pid, status = os.wait()
            if pid not in alive:
                continue
            alive.remove(pid)
            ended = os.waitstatus_to_exitcode(status)
            if pid == self._server:
                code = code or (ended if ended >= 0 else 128 - ended)
            elif alive and not self._stopping:
                self._tell(ended)
                code = 1
            for other in alive:
                with suppress(ProcessLookupError):
                    os.kill(other, signal.SIGTERM)
        return code

    def _tell(self, ended: int) -> None:
        # What the front itself said of its end says more.
        if not (TERMINATION_LOG.exists() and TERMINATION_LOG.stat().st_size):
            report(ServingError("WorkerDied", f"The front ended with {ended}; the log says why."))


def main(words: list[str]) -> int:
    """Run the front and the server whose command lines `--` separates."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    between = words.index("--")
    supervisor = Supervisor(words[:between], words[between + 1 :])
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, supervisor.stop)
    return supervisor.run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
