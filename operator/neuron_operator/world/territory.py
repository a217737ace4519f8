"""Which installation a namespace belongs to, so that two never rewrite each other's objects.

The first installation that works in a namespace takes the Lease there, and keeps it as long as it lives. A
second one that watches the same namespace leaves it alone, and says so.
"""

import asyncio
import logging

from kubernetes_asyncio import client
from kubernetes_asyncio.leaderelection.electionconfig import Config
from kubernetes_asyncio.leaderelection.leaderelection import LeaderElection

from neuron_operator.world import metrics
from neuron_operator.world.leases import Lease

logger = logging.getLogger(__name__)

LEASE_NAME = "neuron-operator"
_LEASE_SECONDS = 180
RENEW_SECONDS = 60
# Until somebody who waits looks whether the other one is still there.
LOOK_AGAIN_SECONDS = 20.0


class Territory:
    """The namespaces of one installation."""

    def __init__(self, api: client.ApiClient, installation: str) -> None:
        self._api = api
        self._installation = installation
        self._elections: dict[str, LeaderElection] = {}
        self._looked: dict[str, float] = {}
        self._held: dict[str, bool] = {}

    async def holds(self, namespace: str) -> bool:
        """Whether nobody else's installation works in the namespace. Asks the API server now and then."""
        now = asyncio.get_running_loop().time()
        every = RENEW_SECONDS if self._held.get(namespace, False) else LOOK_AGAIN_SECONDS
        looked = self._looked.get(namespace)
        if looked is None or now - looked >= every:
            self._looked[namespace] = now
            await self._look(namespace)
        return self._held.get(namespace, True)

    async def run(self) -> None:
        """Keep what is held until cancelled, also where nothing changes."""
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            for namespace in list(self._elections):
                await self.holds(namespace)

    async def _look(self, namespace: str) -> None:
        election = self._elections.setdefault(namespace, self._election(namespace))
        acquired = await election.try_acquire_or_renew()
        record = election.observed_record
        other = None if acquired or record is None else record.holder_identity
        # Where the Lease can't be had otherwise (no rights, a namespace that goes), nobody is in the way.
        held = other in (None, self._installation)
        if not held and self._held.get(namespace, True):
            logger.warning(
                "the namespace %s is left alone: the installation %s works there. Uninstall one of the two, "
                "or give them different watchNamespaces.",
                *(namespace, other),
            )
        elif held and self._held.get(namespace) is False:
            logger.info("the namespace %s is free now, and taken", namespace)
        self._held[namespace] = held
        metrics.CONTESTED.set(sum(not each for each in self._held.values()))

    def _election(self, namespace: str) -> LeaderElection:
        lease = Lease(LEASE_NAME, namespace, self._installation, self._api)
        return LeaderElection(
            Config(
                lease,
                lease_duration=_LEASE_SECONDS,
                renew_deadline=_LEASE_SECONDS - RENEW_SECONDS,
                retry_period=RENEW_SECONDS,
                onstarted_leading=_nothing,
                onstopped_leading=_nothing,
            )
        )


async def _nothing() -> None:
    """Only the election's single steps are used."""
