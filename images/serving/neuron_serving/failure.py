"""What keeps the server from starting, told in the container's termination message."""

import errno
import json
from pathlib import Path

from neuron_artifact import ArtifactCorrupt

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


def load_failure(error: Exception) -> ServingError:
    """Return what it means that loading a compiled module has raised this."""
    cause = str(error).strip().partition("\n")[0] or type(error).__name__
    if isinstance(error, ArtifactCorrupt):
        return ServingError("ArtifactCorrupt", cause)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return ServingError(
            "LocalCopyFailed",
            f"A module can't be copied to the node's disk ({cause}): give the pod more ephemeral-storage.",
        )
    return ServingError("LoadFailed", f"The artifact is whole but cannot be loaded: {cause}")


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
