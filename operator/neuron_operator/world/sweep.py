"""Finds objects that were deleted while a watch was interrupted.

When a watch cannot be resumed (410 Gone: the API server was restarted or has forgotten the version), kopf
lists the objects again, but says nothing of those that have gone meanwhile: its indexes would show them for
ever, and a deleted Service would never be made again. So soon after a list, and every few minutes, the uids
in the indexes are compared with those of the API server.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from contextlib import suppress

from neuron_operator.reading.objects import Object, name_of, namespace_of, uid_of
from neuron_operator.world.indexes import Index, Indexes
from neuron_operator.world.kube import Cluster, NotFoundError, RejectedError, UnansweredError
from neuron_operator.world.watched import WATCHED, Watched

logger = logging.getLogger(__name__)

INTERVAL_SECONDS = 300.0
SETTLE_SECONDS = 5.0
"""After an API server's restart every kind is listed anew, one soon after the other."""


class Sweeper:
    """Compares the indexes with the cluster.

    `lost` is called with every object that is no longer there, and `shown` at the end with the uids of all
    that the indexes hold.
    """

    def __init__(
        self,
        cluster: Cluster,
        indexes: Indexes,
        lost: Callable[[Object], None],
        shown: Callable[[Set[str]], None],
        watched: Sequence[Watched] = WATCHED,
    ) -> None:
        self._cluster = cluster
        self._lost = lost
        self._shown = shown
        self._listed = asyncio.Event()
        self._indexes: Mapping[Watched, Index[Object]] = {
            each: getattr(indexes, each.index) for each in watched
        }

    def listed_anew(self) -> None:
        """A watch began with a list: between it and the watch before there may be a gap."""
        self._listed.set()

    async def run(self) -> None:
        """Sweep again and again until cancelled."""
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._listed.wait(), INTERVAL_SECONDS)
                await asyncio.sleep(SETTLE_SECONDS)
            self._listed.clear()
            await self.sweep()

    async def sweep(self) -> None:
        """Compare everything once. What can't be listed now is compared the next time."""
        shown: set[str] = set()
        for watched, index in self._indexes.items():
            kind = watched.kind
            for namespace, known in by_namespace(index).items():
                shown.update(uid_of(obj) for obj in known)
                try:
                    there = await self._cluster.uids(kind, namespace, watched.selector)
                except (UnansweredError, RejectedError, NotFoundError) as error:
                    logger.warning("%s of %s could not be compared: %s", kind.plural, namespace, error)
                    continue
                for obj in known:
                    if uid_of(obj) not in there:
                        logger.warning(
                            "%s %s/%s has gone unnoticed", kind.name, namespace_of(obj), name_of(obj)
                        )
                        self._lost(obj)
        self._shown(shown)


def by_namespace(index: Index[Object]) -> dict[str, list[Object]]:
    """The indexed objects of each namespace, as they are at this moment."""
    found: dict[str, list[Object]] = {}
    stores: Iterable[Iterable[Object]] = [index[key] for key in index]
    for store in stores:
        for obj in store:
            found.setdefault(namespace_of(obj), []).append(obj)
    return found
