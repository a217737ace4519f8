"""Compares what is known with the API server's lists, so that what a watch has missed is known all the same.

When a watch cannot be resumed (410 Gone: the API server was restarted or has forgotten the version), kopf
lists the objects again, but says nothing of those that have gone meanwhile: a deleted Service would never be
made again. And a watch whose connection has died without a word says nothing at all. So soon after a list,
and every few minutes, uids and versions are compared: what is listed no more has gone, and what is known in
an older version is read. For how long a watch has missed what is listed is told: the process may begin anew.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress

from neuron_operator.terms.kinds import Kind
from neuron_operator.world import metrics
from neuron_operator.world.doors import Doors
from neuron_operator.world.kube import (
    Cluster,
    Listed,
    NotFoundError,
    RejectedError,
    UnansweredError,
    Version,
)
from neuron_operator.world.store import Name
from neuron_operator.world.watched import Watched
from neuron_operator.world.world import World

logger = logging.getLogger(__name__)

UNLISTED = (UnansweredError, RejectedError, NotFoundError)
"""What the API server says when it doesn't list, for whatever reason."""

INTERVAL_SECONDS = 300.0
SHUT_SECONDS = 20.0
"""The same while some namespace may not be read."""
SETTLE_SECONDS = 5.0
"""After an API server's restart every kind is listed anew, one soon after the other. And what a watch has not
told so long after it was listed, it has missed."""
_POLL_SECONDS = 0.05
_MOST_READ = 100
"""Objects that are read of a kind at a time: where more are behind, the watch is slow rather than deaf."""


class Informer:
    """Compares the world with the cluster, kind by kind.

    Args:
        namespaces: those that are watched; all where there are none.

    Attributes:
        synced: set once everything that was there at the start is known, where it may be read.
        doors: which namespaces may be read.
    """

    def __init__(
        self, cluster: Cluster, world: World, watched: Sequence[Watched], namespaces: Sequence[str] = ()
    ) -> None:
        self.synced = asyncio.Event()
        self.doors = Doors()
        self._cluster = cluster
        self._world = world
        self._places = [
            (each, namespace)
            for each in watched
            for namespace in ((namespaces or [""]) if each.kind.namespaced else [""])
        ]
        self._listed = asyncio.Event()
        self._behind_since: dict[tuple[Kind, str], float] = {}

    def listed_anew(self) -> None:
        """A watch began with a list: between it and the watch before there may be a gap."""
        self._listed.set()

    def deaf_seconds(self) -> float:
        """For how long the watch of some kind has missed what the API server lists; 0 where none has."""
        now = asyncio.get_running_loop().time()
        return max((now - since for since in self._behind_since.values()), default=0.0)

    async def run(self) -> None:
        """Wait until everything is known, then compare again and again until cancelled."""
        for watched, namespace in self._places:
            while not await self._told(watched, namespace):
                pass
        self._listed.clear()
        self.synced.set()
        while True:
            with suppress(TimeoutError):
                pause = SHUT_SECONDS if self.doors.any_shut else INTERVAL_SECONDS
                await asyncio.wait_for(self._listed.wait(), pause)
                await asyncio.sleep(SETTLE_SECONDS)
            self._listed.clear()
            await self.compare()

    async def compare(self) -> None:
        """Compare everything once. What can't be listed now is compared the next time."""
        for watched, namespace in self._places:
            try:
                await self._compare(watched, namespace)
            except UNLISTED as error:
                logger.warning("%s %scan't be compared: %s", watched.kind.plural, _in(namespace), error)

    async def _told(self, watched: Watched, namespace: str) -> bool:
        """Whether the watch has told of everything that is listed, within a few seconds."""
        try:
            listed = await self._list(watched, namespace)
        except UNLISTED as error:
            if namespace and not self.doors.is_open(namespace):
                return True
            logger.warning("waiting for %s %sto be listed: %s", watched.kind.plural, _in(namespace), error)
            await asyncio.sleep(max(SETTLE_SECONDS, getattr(error, "retry_after", 0.0)))
            return False
        for _ in range(int(SETTLE_SECONDS / _POLL_SECONDS)):
            if not self._behind(watched, listed):
                return True
            await asyncio.sleep(_POLL_SECONDS)
        return False

    async def _list(self, watched: Watched, namespace: str) -> Listed:
        try:
            listed = await self._cluster.listed(watched.kind, namespace, watched.selector)
        except RejectedError as error:
            if namespace:
                self.doors.forbidden(watched.kind, namespace, error)
            raise
        self.doors.allowed(watched.kind, namespace)
        return listed

    async def _compare(self, watched: Watched, namespace: str) -> None:
        known = self._world.store(watched).names(namespace)
        listed = await self._list(watched, namespace)
        for uid in known.keys() - listed.objects.keys():
            if self._world.lost(watched, uid, listed.version):
                _missed(watched, known[uid], "gone")
        behind = self._behind(watched, listed)
        if behind:
            await asyncio.sleep(SETTLE_SECONDS)
            behind = self._behind(watched, listed)
        self._note((watched.kind, namespace), bool(behind))
        for each in behind[:_MOST_READ]:
            body = await self._cluster.read(watched.kind, each.name, watched.selector)
            if body is not None:
                _missed(watched, each.name, "changed")
                self._world.show(watched.kind, body)

    def _behind(self, watched: Watched, listed: Listed) -> list[Version]:
        """What is listed in a version that nobody has told of."""
        return [
            each for uid, each in listed.objects.items() if not self._world.knows(watched, uid, each.version)
        ]

    def _note(self, place: tuple[Kind, str], behind: bool) -> None:
        if behind:
            self._behind_since.setdefault(place, asyncio.get_running_loop().time())
        else:
            self._behind_since.pop(place, None)


def _in(namespace: str) -> str:
    return f"of {namespace} " if namespace else ""


def _missed(watched: Watched, name: Name, what: str) -> None:
    logger.warning("%s %s has %s unnoticed", watched.kind.name, "/".join(name), what)
    metrics.MISSED_CHANGES.labels(kind=watched.kind.name).inc()
