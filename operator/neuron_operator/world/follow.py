"""Follows the logs of compile and verify pods, so that status can say how far they are.

What it finds is kept in memory only: an operator that starts finds it anew. Progress is a comfort: where a
log can't be read, there is none, and nothing else changes.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator

from neuron_operator.reading.objects import Object, name_of, namespace_of, uid_of
from neuron_operator.reading.progress import Progress, newest_progress
from neuron_operator.reading.troubles import working_container
from neuron_operator.terms import labels
from neuron_operator.world.kube import Cluster, UnreadableError
from neuron_operator.world.stores import Stores

logger = logging.getLogger(__name__)

INTERVAL_SECONDS = 10.0
"""One request for each pod at work, and at most one write of status, in this time."""


class Follower:
    """Knows how far pods at work are; `changed` is told of a pod whose progress has changed."""

    def __init__(self, cluster: Cluster, stores: Stores, changed: Callable[[Object], None]) -> None:
        self._cluster = cluster
        self._stores = stores
        self._changed = changed
        self._known: dict[str, Progress] = {}

    def progress_of(self, pods: list[Object]) -> Progress | None:
        """The progress of the pod of these that is at work."""
        return next((self._known[uid_of(pod)] for pod in pods if uid_of(pod) in self._known), None)

    async def run(self) -> None:
        """Read the logs again and again. The first time comes late: what ends sooner needs no progress."""
        while True:
            await asyncio.sleep(INTERVAL_SECONDS)
            await self._read_all()

    async def _read_all(self) -> None:
        working = {uid_of(pod): pod for pod in self._working()}
        self._known = {uid: progress for uid, progress in self._known.items() if uid in working}
        for uid, pod in working.items():
            try:
                container = working_container(pod) or ""
                log = await self._cluster.log_tail(namespace_of(pod), name_of(pod), container)
            except UnreadableError as error:
                logger.debug("the log of %s/%s: %s", namespace_of(pod), name_of(pod), error)
                continue
            found = newest_progress(log)
            if found is not None and found != self._known.get(uid):
                self._known[uid] = found
                self._changed(pod)

    def _working(self) -> Iterator[Object]:
        for key in self._stores.pods.by_key():
            if key[1] in (labels.COMPILE, labels.VERIFY):
                yield from (pod for pod in self._stores.pods.all(key) if working_container(pod))
