"""Removing artifacts that nobody uses any more."""

from pathlib import Path

from neuron_artifact.lock import writer_lock
from neuron_artifact.publication import set_aside
from neuron_artifact.reader import artifact_path
from neuron_artifact.staging import clean_abandoned


def collect(store: Path, digest: str) -> bool:
    """Removes the artifact of a digest and its abandoned temporary directories; True if there was one.

    The artifact leaves the readers' sight in one rename before a file of it is deleted. Safe to run again
    after a crash at any point. Raises ValueError for a digest that is none, OSError when the store can't be
    written to.
    """
    target = artifact_path(store, digest)
    with writer_lock(store, digest, _say_nothing) as lock:
        existed = target.exists()
        if existed:
            set_aside(store, target, digest)
        clean_abandoned(store, digest)
        lock.unlink(missing_ok=True)
    return existed


def _say_nothing() -> None:
    """A collector that waits has nobody to tell."""
