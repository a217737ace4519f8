"""What the operator has just written and the watch has not yet told back.

A watch lags behind its own writer by some milliseconds. Decisions taken on the old object in that time would
write the same thing again. So every written object is remembered until the watch shows it or something
newer; a short life-time bounds how long the operator believes in its own memory rather than in the watch.
"""

import time
from collections.abc import Callable, Mapping, Set
from typing import Any

from neuron_operator.reading.objects import Object, name_of, namespace_of, resource_version, uid_of

Identity = tuple[str, str, str]
"""Kind, namespace and name."""

LIFETIME_SECONDS = 15.0


class RecentWrites:
    """The newest known version of objects: the watch's or the operator's own last write."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._written: dict[Identity, tuple[float, Object]] = {}
        self._deleted: dict[str, float] = {}
        self._lost: set[str] = set()

    def wrote(self, obj: Object) -> None:
        """Remember the object as the API server returned it after a write."""
        self._written[_identity(obj)] = (self._clock(), obj)

    def deleted(self, obj: Mapping[str, Any]) -> None:
        """Remember that the operator has deleted this very object (by uid), or that the watch says so."""
        self._deleted.pop(uid_of(obj), None)
        self._deleted[uid_of(obj)] = self._clock()
        written = self._written.get(_identity(obj))
        if written is not None and uid_of(written[1]) == uid_of(obj):
            del self._written[_identity(obj)]

    def lost(self, obj: Mapping[str, Any]) -> None:
        """Remember that this very object is gone although the watch still shows it."""
        self._lost.add(uid_of(obj))

    def forget_lost_but(self, shown: Set[str]) -> None:
        """Forget those that the watch shows no more, by their uids: they need no remembering."""
        self._lost &= shown

    def is_gone(self, obj: Mapping[str, Any]) -> bool:
        """Whether an object that the watch shows is known to be gone."""
        self._forget_old()
        return uid_of(obj) in self._deleted or uid_of(obj) in self._lost

    def newest(self, kind: str, namespace: str, name: str, watched: Object | None) -> Object | None:
        """The newer of what the watch shows and what was written; None where it does not exist."""
        if watched is not None and self.is_gone(watched):
            watched = None
        entry = self._written.get((kind, namespace, name))
        if entry is None:
            return watched
        written_at, written = entry
        expired = self._clock() - written_at > LIFETIME_SECONDS
        if expired or (watched is not None and resource_version(watched) >= resource_version(written)):
            del self._written[(kind, namespace, name)]
            return watched
        return written

    def _forget_old(self) -> None:
        # The oldest come first.
        horizon = self._clock() - LIFETIME_SECONDS
        while self._deleted:
            uid, when = next(iter(self._deleted.items()))
            if when >= horizon:
                return
            del self._deleted[uid]


def _identity(obj: Mapping[str, Any]) -> Identity:
    return str(obj["kind"]), namespace_of(obj), name_of(obj)
