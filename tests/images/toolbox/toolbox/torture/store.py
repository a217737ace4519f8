"""Looking at a store the way an adversary would: half artifacts, and two writers of one digest."""

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from neuron_artifact import ArtifactCorrupt, ArtifactMissing, verify

HALF_ARTIFACT, TWO_WRITERS = "half artifact", "two writers"
_DIGEST = re.compile(r"[0-9a-f]{32}")
_WORK = ".work"
# What an idle store keeps of a digest's work.
_KEPT = ("lock", "published")
# What was an artifact and is being removed keeps the times of its writer.
_REMOVED = "removed."


@dataclass(frozen=True)
class Violation:
    """Something that must never be seen: HALF_ARTIFACT or TWO_WRITERS, of which digest, and what it was."""

    kind: str
    digest: str
    detail: str


@dataclass(frozen=True)
class Span:
    """From when to when (ns of the file system's clock) files were written in a attempt."""

    first: int
    last: int

    def overlaps(self, other: "Span") -> bool:
        return self.last > other.first and other.last > self.first


class Watcher:
    """Looks at the store again and again, and keeps what it found.

    A directory under a digest's name must verify at every look at which it is new or has changed. Two
    temporary directories of a digest, each of which was written to after the other had been begun, have had
    two writers at the same time. Times are the files' ctimes, which no program can set.

    Attributes:
        looks: how often it has looked.
        verified: how many whole artifacts it has read and found right.
        violations: what it has found wrong.
    """

    def __init__(self, store: Path) -> None:
        self._store = store
        self._known: dict[str, object] = {}
        self._spans: dict[str, dict[str, Span]] = {}
        self.looks = 0
        self.verified = 0
        self.violations: list[Violation] = []

    def look(self) -> list[Violation]:
        """Look once; return what is wrong and was not seen before."""
        self.looks += 1
        # A dict, as the two halves of a pair tell of each other.
        found = [violation for violation in dict.fromkeys(self._look()) if violation not in self.violations]
        self.violations += found
        return found

    def _look(self) -> Iterator[Violation]:
        yield from self._writers()
        for name in _names(self._store):
            if _DIGEST.fullmatch(name):
                yield from self._artifact(name)

    def _artifact(self, digest: str) -> Iterator[Violation]:
        directory = self._store / digest
        before = _state(directory)
        if before and self._known.get(digest) == before:
            return
        try:
            verify(directory, digest)
        except ArtifactMissing:
            return
        except ArtifactCorrupt as wrong:
            # One that is being collected is renamed away as a whole; whatever still has the name is whole.
            if directory.exists():
                yield Violation(HALF_ARTIFACT, digest, str(wrong))
            return
        self.verified += 1
        self._known[digest] = before

    def _writers(self) -> Iterator[Violation]:
        for digest, name, path in _attempts(self._store):
            times = [state[3] for state in _state(path)]
            if name.startswith(_REMOVED) or not times:
                continue
            spans = self._spans.setdefault(digest, {})
            first = spans[name].first if name in spans else min(times)
            spans[name] = Span(first, max(times))
            for other, span in spans.items():
                if other != name and spans[name].overlaps(span):
                    pair = " and ".join(sorted((name, other)))
                    yield Violation(TWO_WRITERS, digest, f"{pair} were written at the same time")


@dataclass(frozen=True)
class Contents:
    """What a store holds: digests that verify, digests that do not, names of temporary entries, the rest."""

    whole: tuple[str, ...]
    half: tuple[str, ...]
    temporary: tuple[str, ...]
    strange: tuple[str, ...]


def contents(store: Path) -> Contents:
    """Everything in the store, every artifact verified."""
    whole, half, strange = [], [], []
    for name in _names(store):
        if not _DIGEST.fullmatch(name):
            strange += [] if name in (_WORK, "lost+found") else [name]
            continue
        try:
            verify(store / name, name)
            whole.append(name)
        except (ArtifactCorrupt, ArtifactMissing):
            half.append(name)
    temporary = tuple(f"{digest}/{name}" for digest, name, _ in _attempts(store))
    return Contents(tuple(whole), tuple(half), temporary, tuple(strange))


def _attempts(store: Path) -> Iterator[tuple[str, str, Path]]:
    """Digest, name and path of all unfinished work."""
    for digest in _names(store / _WORK):
        for name in _names(store / _WORK / digest):
            if name not in _KEPT:
                yield digest, name, store / _WORK / digest / name


def _names(directory: Path) -> list[str]:
    try:
        return sorted(path.name for path in directory.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def _state(directory: Path) -> list[tuple[str, int, int, int]]:
    """Path, inode, size and ctime (ns) of each regular file below the directory."""
    found = []
    for folder, _, files in os.walk(directory):
        for name in files:
            path = Path(folder) / name
            try:
                info = path.lstat()
            except FileNotFoundError:
                continue
            if stat.S_ISREG(info.st_mode):
                found.append((str(path), info.st_ino, info.st_size, info.st_ctime_ns))
    return sorted(found)
