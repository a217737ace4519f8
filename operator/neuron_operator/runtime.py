"""One operator process: its queue, its reconcilers, and which keys a change wakes."""

import asyncio
import logging
import os
import signal
import socket
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kubernetes_asyncio import client

from neuron_operator.api.model import parse_model
from neuron_operator.api.settings import LeaseName, Settings
from neuron_operator.controllers.artifacts import artifact_controller
from neuron_operator.controllers.models import model_controller
from neuron_operator.execution.execute import Executor
from neuron_operator.execution.supervision import supervise
from neuron_operator.execution.workqueue import WorkQueue
from neuron_operator.reading.nodes import Offer
from neuron_operator.reading.objects import Object, name_of, namespace_of
from neuron_operator.terms import kinds
from neuron_operator.terms.kinds import NEURON_ARTIFACT, NEURON_MODEL, Kind
from neuron_operator.world import metrics
from neuron_operator.world.follow import Follower
from neuron_operator.world.indexes import Indexes, loaded_artifact, parent_of
from neuron_operator.world.kube import Cluster, ConflictError, NotFoundError, UnansweredError
from neuron_operator.world.leadership import Leadership
from neuron_operator.world.listen import Listener
from neuron_operator.world.observe import Observer
from neuron_operator.world.recent import RecentWrites
from neuron_operator.world.sweep import Sweeper
from neuron_operator.world.territory import LOOK_AGAIN_SECONDS, Territory
from neuron_operator.world.watched import watched_with

logger = logging.getLogger(__name__)

_WORKERS = 16


def _end_with(task: asyncio.Task[None]) -> None:
    """End the process when its workers end: an operator that only watches must not look alive."""
    if not task.cancelled():
        logger.critical("%s has ended; so does the operator", task.get_name(), exc_info=task.exception())
        os.kill(os.getpid(), signal.SIGTERM)


@dataclass(frozen=True)
class Key:
    """A resource to reconcile."""

    kind: str
    namespace: str
    name: str


class Operator:
    """Turns changes into reconciles."""

    def __init__(self, settings: Settings, indexes: Indexes, api: client.ApiClient) -> None:
        self._api = api
        self._recent = RecentWrites()
        cluster = Cluster(api)
        follower = Follower(cluster, indexes, self._child_changed)
        listener = Listener(cluster, indexes, self._child_changed)
        self._observer = Observer(indexes, self._recent, settings, follower.progress_of, listener.heard)
        executor = Executor(cluster, self._recent)
        self._models = model_controller(self._observer, executor, settings)
        self._artifacts = artifact_controller(self._observer, executor, settings)
        self._queue: WorkQueue[Key] = WorkQueue(
            self._reconcile,
            workers=_WORKERS,
            expected=(UnansweredError, NotFoundError, ConflictError),
        )
        self._concerned: dict[Key, set[str]] = {}
        self._offers: list[Offer] | None = None
        metrics.QUEUE_DEPTH.set_function(lambda: self._queue.depth)
        self._sweeper = Sweeper(
            cluster, indexes, self._lost, self._recent.forget_lost_but, watched_with(settings)
        )
        self._territory = Territory(api, settings.installation)
        self._comforts = {
            "sweeping": self._sweeper.run,
            "following logs": follower.run,
            "listening to Events": listener.run,
            "keeping namespaces": self._territory.run,
        }
        self._task = asyncio.create_task(self._lead(settings.leader_election), name="working")
        self._task.add_done_callback(_end_with)

    async def _lead(self, lease: LeaseName | None) -> None:
        """Work, where there are several replicas only while this one leads. What changes meanwhile waits."""
        if lease is None:
            metrics.LEADING.set(1)
            return await self._do_work()
        return await Leadership(self._api, lease, f"{socket.gethostname()}_{uuid.uuid4().hex[:8]}").hold(
            self._do_work
        )

    async def _do_work(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._queue.run(), name="reconciling")
            for name, work in self._comforts.items():
                group.create_task(supervise(name, work), name=name)

    def stuck_seconds(self) -> float:
        """How long work has waited for a worker while none has begun or ended anything."""
        return self._queue.stuck_seconds()

    async def close(self) -> None:
        """Stop working and close the connections."""
        self._task.cancel()
        await asyncio.wait([self._task])
        await self._api.close()

    def listed_anew(self) -> None:
        """A watch has begun anew: what has gone meanwhile is looked for soon."""
        self._sweeper.listed_anew()

    def changed(self, kind: Kind, body: Mapping[str, Any], *, gone: bool) -> None:
        """Wake whatever a change of that object concerns."""
        if gone:
            self._recent.deleted(body)
        match kind:
            case kinds.NEURON_MODEL:
                self._model_changed(body, gone=gone)
            case kinds.NEURON_ARTIFACT:
                self._artifact_changed(body)
            case kinds.POD:
                self._pod_changed(body)
            case kinds.NODE:
                self._nodes_changed()
            case _:
                self._child_changed(body)

    def _model_changed(self, body: Mapping[str, Any], *, gone: bool) -> None:
        """Wake the model, and the artifacts it uses or used until now: they count their users."""
        key = Key(NEURON_MODEL.name, namespace_of(body), name_of(body))
        before = self._concerned.pop(key, set())
        after = set() if gone else self._observer.artifacts_of(parse_model(body))
        if not gone:
            self._concerned[key] = after
        self._queue.add(key)
        for artifact in before | after:
            self._queue.add(Key(NEURON_ARTIFACT.name, key.namespace, artifact))
        if gone:
            self._wake_users(key.namespace, before)

    def _artifact_changed(self, body: Mapping[str, Any]) -> None:
        """Wake the artifact and the models that use it."""
        namespace, name = namespace_of(body), name_of(body)
        self._queue.add(Key(NEURON_ARTIFACT.name, namespace, name))
        self._wake_users(namespace, {name})

    def _child_changed(self, body: Mapping[str, Any]) -> None:
        """Wake the parent of a child."""
        parent = parent_of(body)
        if parent is not None:
            self._queue.add(Key(parent.kind, namespace_of(body), parent.name))

    def _pod_changed(self, body: Mapping[str, Any]) -> None:
        """Wake the parent of a pod; a server that comes or goes is also a user of its artifact that does."""
        self._child_changed(body)
        loaded = loaded_artifact(body)
        if loaded is not None:
            self._queue.add(Key(NEURON_ARTIFACT.name, namespace_of(body), loaded))

    def _nodes_changed(self) -> None:
        """Wake the models whose target depends on the nodes, if what these offer has changed.

        A node's status changes every few seconds, its labels and devices almost never.
        """
        offers = self._observer.offers()
        if offers == self._offers:
            return
        self._offers = offers
        for namespace, name in self._observer.models_that_may_fall_back():
            self._queue.add(Key(NEURON_MODEL.name, namespace, name))

    def _lost(self, obj: Object) -> None:
        """Something has gone without a word from the watch."""
        self._recent.lost(obj)
        self.changed(kinds.BY_NAME[obj["kind"]], obj, gone=True)

    def _wake_users(self, namespace: str, artifacts: set[str]) -> None:
        for artifact in artifacts:
            for user in self._observer.users_of(namespace, artifact):
                self._queue.add(Key(NEURON_MODEL.name, namespace, user))

    async def _reconcile(self, key: Key) -> float | None:
        controller = self._models if key.kind == NEURON_MODEL.name else self._artifacts
        if not await self._territory.holds(key.namespace):
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
