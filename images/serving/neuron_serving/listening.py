"""What a process prints, passed on to the container's log and listened to for what Neuron's runtime says.

The runtime prints why it can't start; what it raises says less, and a process that it ends says nothing.
"""

import collections
import os
import threading
import time

from neuron_serving import runtimetexts

_LINES, _LINE_BYTES = 40, 65536
_CHARACTERS = 500
_END_SECONDS = 5.0


class Listener:
    """Reads what is written to `output`, the end of a pipe that a process gets as its output."""

    def __init__(self, log: int = 1) -> None:
        reading, self.output = os.pipe()
        self._log = log
        self._lines: collections.deque[str] = collections.deque(maxlen=_LINES)
        self._first = self._last = 0.0
        self._thread = threading.Thread(target=self._listen, args=(reading,), daemon=True)
        self._thread.start()

    def given(self) -> None:
        """The process has the pipe's end: this one lets go of it, so that the process's is the last."""
        os.close(self.output)

    def said(self, *, ended: bool = False) -> str:
        """Return the lines that may say why the runtime failed; once the process has ended, all of them."""
        if ended:
            # Processes that it has left behind may hold the pipe open.
            self._thread.join(_END_SECONDS)
        return "\n".join(list(self._lines))

    @property
    def seconds(self) -> float:
        """For how long the runtime has told of failures: from the first of those lines to the last."""
        return self._last - self._first

    def forget(self) -> None:
        """What was said is over: all that it told of has healed."""
        self._lines.clear()

    def _listen(self, reading: int) -> None:
        with os.fdopen(reading, "rb") as stream:
            while line := stream.readline(_LINE_BYTES):
                self._pass_on(line)
                text = line.decode(errors="replace")
                if runtimetexts.is_telling(text):
                    self._last = time.monotonic()
                    self._first = self._first or self._last
                    self._lines.append(text.strip()[:_CHARACTERS])

    def _pass_on(self, line: bytes) -> None:
        try:
            while line:
                line = line[os.write(self._log, line) :]
        except OSError:
            # Nobody reads the log: whoever prints must not be held up by that.
            return
