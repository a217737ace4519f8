"""One operator process: its world, its queue and its controllers."""

import asyncio
import logging
import os
import signal
import socket
import time
import uuid

from kubernetes_asyncio import client

from neuron_operator.api.settings import LeaseName, Settings
from neuron_operator.controllers.artifacts import artifact_controller
from neuron_operator.controllers.models import model_controller
from neuron_operator.execution.execute import Executor
from neuron_operator.execution.supervision import supervise
from neuron_operator.execution.workqueue import WorkQueue
from neuron_operator.reading.objects import Object
from neuron_operator.terms.kinds import NEURON_MODEL
from neuron_operator.world import metrics, wakes
from neuron_operator.world.follow import Follower
from neuron_operator.world.informer import Informer
from neuron_operator.world.kube import Cluster, ConflictError, NotFoundError, UnansweredError
from neuron_operator.world.leadership import Leadership
from neuron_operator.world.listen import Listener
from neuron_operator.world.observe import Observer
from neuron_operator.world.territory import LOOK_AGAIN_SECONDS, Territory
from neuron_operator.world.wakes import Key, Wake
from neuron_operator.world.watched import watched_with
from neuron_operator.world.world import World

logger = logging.getLogger(__name__)

_WORKERS = 16
# A standby reads it every two seconds, a leader more seldom.
_LEASE_UNSEEN_SECONDS = 30.0


def _end_with(task: asyncio.Task[None]) -> None:
    """End the process when its workers end: an operator that only watches must not look alive."""
    if not task.cancelled():
        logger.critical("%s has ended; so does the operator", task.get_name(), exc_info=task.exception())
        os.kill(os.getpid(), signal.SIGTERM)


def _leadership(api: client.ApiClient, lease: LeaseName | None) -> Leadership | None:
    if lease is None:
        return None
    return Leadership(api, lease, f"{socket.gethostname()}_{uuid.uuid4().hex[:8]}")


class Operator:
    """Turns changes into reconciles."""

    def __init__(self, settings: Settings, api: client.ApiClient) -> None:
        self._api = api
        self._queue: WorkQueue[Key] = WorkQueue(
            self._reconcile,
            workers=_WORKERS,
            expected=(UnansweredError, NotFoundError, ConflictError),
        )
        self.world = World(settings, self._wake)
        cluster, stores = Cluster(api), self.world.stores
        follower = Follower(cluster, stores, self._wake_parent)
        listener = Listener(cluster, stores, self._wake_parent)
        observer = Observer(stores, settings, follower.progress_of, listener.heard)
        executor = Executor(cluster, self.world)
        self._models = model_controller(observer, executor, settings)
        self._artifacts = artifact_controller(observer, executor, settings)
        metrics.QUEUE_DEPTH.set_function(lambda: self._queue.depth)
        self.informer = Informer(cluster, self.world, watched_with(settings), settings.namespaces)
        self._territory = Territory(api, settings.installation)
        self._comforts = {
            "following logs": follower.run,
            "listening to Events": listener.run,
            "keeping namespaces": self._territory.run,
        }
        self._comparing = asyncio.create_task(supervise("comparing", self.informer.run), name="comparing")
        self._leadership = _leadership(api, settings.leader_election)
        self._working = asyncio.create_task(self._lead(), name="working")
        self._working.add_done_callback(_end_with)

    async def _lead(self) -> None:
        """Work, where there are several replicas only while this one leads. What changes meanwhile waits.

        Nobody works, or asks for the Lease, before everything is known: what isn't known yet looks gone.
        """
        await self.informer.synced.wait()
        if self._leadership is None:
            metrics.LEADING.set(1)
            return await self._do_work()
        return await self._leadership.hold(self._do_work)

    async def _do_work(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._queue.run(), name="reconciling")
            for name, work in self._comforts.items():
                group.create_task(supervise(name, work), name=name)

    def waits_for(self) -> dict[str, str]:
        """Why this replica could not work now, or take over; empty where it could."""
        if not self.informer.synced.is_set():
            return {"world": "not everything that the API server lists is known yet"}
        unseen = self._leadership.unseen_seconds() if self._leadership is not None else 0.0
        if unseen is None or unseen > _LEASE_UNSEEN_SECONDS:
            return {"lease": "the Lease that says who leads could not be read lately"}
        return {}

    def stands_still(self) -> dict[str, float]:
        """For how long no worker has begun or ended anything, and for how long some watch has been deaf."""
        return {"stuckSeconds": self._queue.stuck_seconds(), "deafSeconds": self.informer.deaf_seconds()}

    async def close(self) -> None:
        """Stop working and close the connections."""
        tasks = (self._working, self._comparing)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await self._api.close()

    def _wake_parent(self, child: Object) -> None:
        """Something new is known about a child that no watch tells."""
        for wake in wakes.parent(child):
            self._wake(wake)

    def _wake(self, wake: Wake) -> None:
        if wake.patience:
            self._queue.add_after(wake.patience, wake.key)
        else:
            self._queue.add(wake.key)

    async def _reconcile(self, key: Key) -> float | None:
        controller = self._models if key.kind == NEURON_MODEL.name else self._artifacts
        if not self.informer.doors.is_open(key.namespace) or not await self._territory.holds(key.namespace):
            return LOOK_AGAIN_SECONDS
        started = time.perf_counter()
        try:
            again = await controller.reconcile(key.namespace, key.name)
        except (NotFoundError, ConflictError, UnansweredError):
            metrics.RECONCILE_ERRORS.labels(kind=key.kind).inc()
            raise
        except Exception as error:
            metrics.RECONCILE_ERRORS.labels(kind=key.kind).inc()
            await controller.tell(key.namespace, key.name, error)
            raise
        metrics.RECONCILES.labels(kind=key.kind).inc()
        metrics.RECONCILE_SECONDS.labels(kind=key.kind).observe(time.perf_counter() - started)
        metrics.LAST_RECONCILE.labels(kind=key.kind).set_to_current_time()
        return again
