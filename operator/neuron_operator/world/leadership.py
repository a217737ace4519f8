"""Which of several replicas works: the one that holds a Lease. The others watch, ready to take over."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from kubernetes_asyncio import client
from kubernetes_asyncio.leaderelection.electionconfig import Config
from kubernetes_asyncio.leaderelection.leaderelection import LeaderElection

from neuron_operator.api.settings import LeaseName
from neuron_operator.world import metrics
from neuron_operator.world.leases import Lease

logger = logging.getLogger(__name__)

# A killed leader's Lease has run out after ten seconds; whoever waits looks every two.
_LEASE_SECONDS = 10
_RENEW_SECONDS = 7
_RETRY_SECONDS = 2

Work = Callable[[], Awaitable[None]]


class Leadership:
    """One replica's part in the election."""

    def __init__(self, api: client.ApiClient, name: LeaseName, identity: str) -> None:
        self._lease = Lease(name.name, name.namespace, identity, api)
        self._working: asyncio.Task[None] | None = None

    def unseen_seconds(self) -> float | None:
        """For how long the Lease has not been read; None where it never was."""
        seen = self._lease.seen
        return None if seen is None else asyncio.get_running_loop().time() - seen

    async def hold(self, work: Work) -> None:
        """Wait for the Lease, then do the work. Returns when the work or the hold on the Lease has ended.

        When cancelled, the work ends first and the Lease is given back, so that the next one need not wait.
        """
        metrics.LEADING.set(0)

        async def lead() -> None:
            self._working = asyncio.ensure_future(work())
            logger.info("%s leads", self._lease.identity)
            metrics.LEADING.set(1)

        logger.info("waiting to lead: the Lease %s/%s", self._lease.namespace, self._lease.name)
        election = LeaderElection(
            Config(
                self._lease,
                lease_duration=_LEASE_SECONDS,
                renew_deadline=_RENEW_SECONDS,
                retry_period=_RETRY_SECONDS,
                onstarted_leading=lead,
                onstopped_leading=_nothing,
            )
        )
        holding = asyncio.ensure_future(election.run())
        try:
            await self._first_to_end(holding)
        finally:
            await _ended(self._working)
            await _ended(holding)
            metrics.LEADING.set(0)
            await self._lease.release()

    async def _first_to_end(self, holding: asyncio.Future[None]) -> None:
        while not holding.done() and (self._working is None or not self._working.done()):
            waited = {task for task in (holding, self._working) if task is not None}
            await asyncio.wait(waited, timeout=_RETRY_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if self._working is not None and self._working.done():
            await self._working
        elif holding.done():
            await holding


async def _nothing() -> None:
    """The work is ended by whoever holds, who waits for it."""


async def _ended(task: asyncio.Future[None] | None) -> None:
    if task is not None and not task.done():
        task.cancel()
        await asyncio.wait([task])
