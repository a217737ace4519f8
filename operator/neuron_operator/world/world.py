"""The cluster as it is known now: from the watches, the operator's own writes and the API server's lists.

All three tell of an object and its version. What is older than what is known changes nothing, so that an own
write need not wait for the watch and its echo wakes nobody; what has gone stays gone, whoever tells of it
late.
"""

import logging
import math
import time
from collections.abc import Callable, Mapping
from typing import Any

from neuron_operator.api.settings import Settings
from neuron_operator.reading.objects import resource_version, uid_of
from neuron_operator.terms.kinds import BY_NAME, Kind
from neuron_operator.world import kept
from neuron_operator.world.store import Kept, Store
from neuron_operator.world.stores import Stores
from neuron_operator.world.wakes import Change, Wake
from neuron_operator.world.watched import Watched, watched_with

logger = logging.getLogger(__name__)

Body = Mapping[str, Any]

REMEMBERED_SECONDS = 600.0
"""How long something that has gone is remembered: until nobody can still be telling of it."""


class World:
    """The stores, and the ways in which they are filled. `wake` is told whom a change concerns."""

    def __init__(
        self, settings: Settings, wake: Callable[[Wake], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.stores = Stores()
        self._settings = settings
        self._wake = wake
        self._clock = clock
        self._watched = {watched.kind: watched for watched in watched_with(settings)}
        self._gone: dict[str, tuple[float, float]] = {}
        """By uid: when it was told, and since which version."""

    def show(self, kind: Kind, body: Body) -> None:
        """The object is there, in this version."""
        watched, uid, version = self._watched.get(kind), uid_of(body), resource_version(body)
        if watched is None or self.knows(watched, uid, version):
            return
        before, after = self._kept(watched, uid), {}
        for name, keep in watched.keeps.items():
            try:
                found = keep(kind, body, self._settings)
            except Exception:
                # Its own reconcile will say in status what is wrong with it.
                logger.exception("%s %s can't be kept in %s", kind.name, "/".join(kept.name(body)), name)
                found = None
            if found is not None and found == before.get(name):
                self._store(name).touch(uid, version)
            else:
                self._store(name).put(uid, version, kept.name(body), found)
            if found is not None and found.keys:
                after[name] = found
        self._tell(watched, Change(body, before, after))

    def hide(self, kind: Kind, body: Body) -> None:
        """This very object (by uid) is gone, or is selected no more; since the version that the body has."""
        watched = self._watched.get(kind)
        if watched is not None:
            self._hide(watched, body, resource_version(body))

    def wrote(self, obj: Body) -> None:
        """The object as the API server returned it after a write."""
        self.show(BY_NAME[obj["kind"]], obj)

    def deleted(self, obj: Body) -> None:
        """The operator has deleted this very object."""
        watched = self._watched.get(BY_NAME[obj["kind"]])
        if watched is not None:
            self._hide(watched, obj, math.inf)

    def lost(self, watched: Watched, uid: str, version: int) -> bool:
        """An object that was known is not in a list of that version. Says whether it was still there."""
        store = self.store(watched)
        if not -1 < store.version(uid) <= version:
            return False
        known = store.kept(uid)
        body = known.value if known is not None else {"metadata": {"uid": uid, "name": ""}}
        self._hide(watched, body, version)
        return True

    def knows(self, watched: Watched, uid: str, version: float) -> bool:
        """Whether this version of the object, or what came after it, has been told."""
        _, gone = self._gone.get(uid, (0.0, -1.0))
        return max(self.store(watched).version(uid), gone) >= version

    def store(self, watched: Watched) -> Store[Any]:
        """The store that holds every object of the kind."""
        return self._store(watched.store)

    def _hide(self, watched: Watched, body: Body, version: float) -> None:
        uid = uid_of(body)
        _, gone = self._gone.pop(uid, (0.0, -1.0))
        self._gone[uid] = (self._clock(), max(version, gone))
        self._forget()
        before = self._kept(watched, uid)
        for name in watched.keeps:
            self._store(name).remove(uid)
        if gone < 0:
            self._tell(watched, Change(body, before, {}))

    def _store(self, name: str) -> Store[Any]:
        found: Store[Any] = getattr(self.stores, name)
        return found

    def _kept(self, watched: Watched, uid: str) -> Mapping[str, Kept[Any]]:
        found = {name: self._store(name).kept(uid) for name in watched.keeps}
        return {name: each for name, each in found.items() if each is not None}

    def _tell(self, watched: Watched, change: Change) -> None:
        for wake in watched.wakes(change, self.stores):
            self._wake(wake)

    def _forget(self) -> None:
        # The oldest come first.
        horizon = self._clock() - REMEMBERED_SECONDS
        while self._gone:
            uid, (when, _) = next(iter(self._gone.items()))
            if when >= horizon:
                return
            del self._gone[uid]
