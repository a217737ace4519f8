"""Removing artifacts that nobody uses any more."""

from pathlib import Path

from neuron_artifact import work
from neuron_artifact.lock import forget, writer_lock
from neuron_artifact.reader import artifact_path


def collect(store: Path, digest: str) -> bool:
    """Removes the artifact of a digest and all unfinished work on it; True if there was one.

    The artifact leaves the readers' sight in one rename before a file of it is deleted. Safe to run again
    after a crash at any point. Raises ValueError for a digest that is none, OSError when the store can't be
    written to.
    """
    target, place = artifact_path(store, digest), work.work_path(store, digest)
    with writer_lock(place, _say_nothing) as alone:
        existed = target.exists()
        if existed:
            work.set_aside(place, target)
        work.unmark_published(place)
        if alone:
            work.clean(place, finished=True)
            forget(place)
    return existed


def _say_nothing() -> None:
    """A collector that waits has nobody to tell."""
