"""`python -m neuron_triton.supervisor FRONT... -- SERVER...`: process 1 of the container, parent of
tritonserver and the front before it.

When one of the two ends, so does the other, and the container. On SIGTERM the front goes first: clients with
lasting connections are told that these end, and what is in flight is answered. Then tritonserver ends.

Where the model runs on NeuronCores, what tritonserver and its model processes print is listened to: it
explains a failure of which they know only the outlines.
"""

import logging
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from types import FrameType

from neuron_contract import variables
from neuron_contract.families import FAMILY_OF_TARGET
from neuron_serving.failure import TERMINATION_LOG, ServingError, explained, report, reported
from neuron_serving.gate import PACKAGE_OF_FAMILY
from neuron_serving.listening import Listener

log = logging.getLogger("neuron_triton")


class Supervisor:
    """The two processes, which it starts; `listens`: to what the server says of NeuronCores;
    `message`: the container's termination message."""

    def __init__(
        self, front: list[str], server: list[str], *, listens: bool = False, message: Path = TERMINATION_LOG
    ) -> None:
        self._stopping = False
        self._message = message
        self._listener = Listener() if listens else None
        output = [] if self._listener is None else [self._listener.output]
        actions = [(os.POSIX_SPAWN_DUP2, end, number) for end in output for number in (1, 2)]
        self._server = os.posix_spawnp(server[0], server, os.environ, file_actions=actions)
        if self._listener is not None:
            self._listener.given()
        self._front = os.posix_spawnp(front[0], front, os.environ)

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
        if not self._stopping:
            self._explain()
        return code

    def _explain(self) -> None:
        """Has the termination message say what the runtime has said."""
        told = reported(self._message)
        if self._listener is None or told is None:
            return
        better = explained(told, self._listener.said(ended=True))
        if better is not told:
            log.error("%s: %s", better.reason, better.message)
            report(better, self._message)

    def _tell(self, ended: int) -> None:
        # What the front itself said of its end says more.
        if not (self._message.exists() and self._message.stat().st_size):
            report(
                ServingError("WorkerDied", f"The front ended with {ended}; the log says why."), self._message
            )


def main(words: list[str]) -> int:
    """Run the front and the server whose command lines `--` separates."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    between = words.index("--")
    family = FAMILY_OF_TARGET.get(os.environ.get(variables.TARGET, ""))
    supervisor = Supervisor(words[:between], words[between + 1 :], listens=family in PACKAGE_OF_FAMILY)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, supervisor.stop)
    return supervisor.run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
