"""What keeps the server from starting, told in the container's termination message."""

import errno
import json
from pathlib import Path

from neuron_artifact import ArtifactCorrupt

from neuron_serving import runtimetexts

TERMINATION_LOG = Path("/dev/termination-log")
# Kubernetes keeps no more of a termination message.
TERMINATION_BYTES = 4096
# Python says no more than that the runtime could not be initialized, and of a process that died nothing.
_GENERAL = ("LoadFailed", "WorkerDied", "DeviceMissing")


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
    if (said := runtimetexts.found(str(error))) is not None:
        return ServingError(said.reason, f"{said.message}.")
    return ServingError("LoadFailed", f"The artifact is whole but cannot be loaded: {cause}")


def explained(failure: ServingError, said: str) -> ServingError:
    """Return the failure as Neuron's runtime has explained it in print, where its reason is a general one."""
    meaning = runtimetexts.found(said) if failure.reason in _GENERAL else None
    return failure if meaning is None else ServingError(meaning.reason, f"{meaning.message}.")


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


def reported(path: Path = TERMINATION_LOG) -> ServingError | None:
    """Return the failure that the termination message tells of, None where it tells of none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return ServingError(str(content["reason"]), str(content["message"]))
    except (OSError, ValueError, LookupError, TypeError):
        return None
