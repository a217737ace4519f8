"""The unfinished work on a digest: `<store>/.work/<digest>`, all that a compiling container sees of a store.

It holds the digest's lock, and for each pod an attempt:

    lock
    published                       an artifact stands in the store: there is nothing to do
    <pod>/files/...                 what becomes the artifact
    <pod>/facts.json                written last, in one step: the attempt is finished

What lies here was written beside the model's own code. Whoever publishes it believes nothing of it but that
it is what that code made: no path is followed out of it, no name or size goes unbounded.
"""

from __future__ import annotations

import json
import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neuron_artifact import durable
from neuron_artifact.reader import artifact_path, read_bounded

_FACTS = "facts.json"
_FILES = "files"
_PUBLISHED = "published"
_REMOVED = "removed."
_MOST_FACTS = 8 << 20


def work_path(store: Path, digest: str) -> Path:
    """Where the unfinished work on a digest lies. Raises ValueError when the digest is none."""
    return store / ".work" / artifact_path(store, digest).name


class Attempt:
    """One pod's attempt at a digest."""

    def __init__(self, work: Path, owner: str) -> None:
        """`owner` names the pod."""
        self.path = work / owner

    @property
    def files(self) -> Path:
        """The directory that becomes the artifact."""
        return self.path / _FILES

    def begin(self) -> None:
        """Makes an empty directory, in the place of what an earlier container of this pod has left."""
        self.remove()
        self.files.mkdir(parents=True)

    def finish(self, facts: Mapping[str, Any]) -> None:
        """Says that the files are complete, and what is to be known of them."""
        for folder, _, files in os.walk(self.files, topdown=False):
            for name in files:
                if stat.S_ISREG((Path(folder) / name).lstat().st_mode):
                    durable.flush(Path(folder) / name)
            durable.flush(Path(folder))
        partial = self.path / f".{_FACTS}"
        durable.write(partial, json.dumps(facts).encode())
        partial.rename(self.path / _FACTS)
        durable.flush(self.path)

    def facts(self) -> dict[str, Any] | None:
        """What a finished attempt has said of itself; None where it is not finished, or says no object."""
        try:
            content = json.loads(read_bounded(self.path / _FACTS, _MOST_FACTS))
        except (OSError, ValueError, RecursionError):
            return None
        return content if isinstance(content, dict) else None

    def remove(self) -> None:
        """Removes all of it, in one step for whoever may still write there."""
        _put_away(self.path)


def attempts(work: Path) -> list[Attempt]:
    """Every attempt at the digest, finished or not."""
    return [Attempt(work, name) for name in _directories(work) if not name.startswith(_REMOVED)]


def clean(work: Path, *, finished: bool = False) -> None:
    """Removes what killed writers have left: attempts that are not finished (or also those that are), and
    what was set aside. To be called by the holder of the lock alone.
    """
    for name in _directories(work):
        attempt = Attempt(work, name)
        if finished or name.startswith(_REMOVED) or attempt.facts() is None:
            attempt.remove()


def set_aside(work: Path, target: Path) -> None:
    """Takes a directory out of the readers' sight in one step, then deletes it; absent is fine."""
    aside = _aside(work)
    aside.mkdir(parents=True)
    try:
        target.rename(aside / _FILES)
        durable.flush(target.parent)
    except FileNotFoundError:
        pass
    finally:
        durable.remove(aside)


def _put_away(attempt: Path) -> None:
    """Gives an attempt another name before a file of it goes.

    Where locks lie its writer may be alive. Under the name that it knows it then finds nothing at all, and
    fails; file by file, it would go on, and publish what was left.
    """
    aside = _aside(attempt.parent)
    try:
        attempt.rename(aside)
    except FileNotFoundError:
        return
    durable.remove(aside)


def _aside(work: Path) -> Path:
    return work / f"{_REMOVED}{secrets.token_hex(4)}"


def mark_published(work: Path) -> None:
    """Tells a pod that waits for the lock, and does not see the store, that there is nothing to do."""
    (work / _PUBLISHED).touch()


def is_published(work: Path) -> bool:
    """Whether the mark is there."""
    return (work / _PUBLISHED).exists()


def unmark_published(work: Path) -> None:
    """Takes the mark away: there is no whole artifact."""
    (work / _PUBLISHED).unlink(missing_ok=True)


def _directories(work: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in os.scandir(work) if entry.is_dir(follow_symlinks=False))
    except FileNotFoundError:
        return []
