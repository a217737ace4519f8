"""What keeps the server from starting, told in the container's termination message."""

import json
from pathlib import Path

TERMINATION_LOG = Path("/dev/termination-log")
# Kubernetes keeps no more of a termination message.
TERMINATION_BYTES = 4096


class ServingError(Exception):
    """The artifact cannot be served here.

    reason is one CamelCase word for the operator; message says in a sentence what happened and what to do.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


def termination_message(failure: ServingError) -> str:
    """Return the failure as JSON of at most 4096 bytes, shortening the message where it is longer."""
    message = failure.message
    while True:
        text = json.dumps({"reason": failure.reason, "message": message})
        excess = len(text.encode()) - TERMINATION_BYTES
        if excess <= 0:
            return text
        # A character takes up to 12 bytes once escaped: cutting a twelfth of the excess never cuts too much.
        message = message[: -max(1, excess // 12)]


def report(failure: ServingError, path: Path = TERMINATION_LOG) -> None:
    """Write the termination message. Outside Kubernetes there is no such file, and nothing is written."""
    if path.exists():
        path.write_text(termination_message(failure), encoding="utf-8")
