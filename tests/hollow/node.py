"""The hollow node: a Node object, its lease, and the pods that the real scheduler puts on it."""

import asyncio
import itertools
import threading
from collections import defaultdict
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from kubernetes_asyncio import client, config, watch
from kubernetes_asyncio.client.exceptions import ApiException

from hollow import objects, statuses
from hollow.outcomes import RUNNING, Ends, Evicted, Outcome, published

RENEWAL = 10.0
"""Seconds between two renewals of the lease, as a kubelet does it."""
DEFAULTS: Mapping[str, Outcome] = {
    "compile": published(),
    "collect": Ends(exit_code=0, reason="Completed", message={}),
    "scrub": Ends(exit_code=0, reason="Completed", message={"outcome": "Whole"}),
}
TERMINATED = Ends(exit_code=143, reason="Error", message={})
NOT_FOUND, GONE = 404, 410


class HollowNode:
    """A node whose pods do what the test says; a context manager that joins and leaves the cluster.

    The real scheduler puts those pods on it that select and tolerate it (`objects.placement`). A compile pod
    publishes, a collect pod ends, a scrub pod finds all whole, any other pod runs and is ready, unless `play`
    says otherwise. All this happens in a thread of its own.
    """

    def __init__(self, kubeconfig: Path, name: str, *, devices: Mapping[str, int] | None = None) -> None:
        self.name = name
        self._kubeconfig = kubeconfig
        self._devices = dict(devices or {})
        self._outcomes: dict[str, Outcome] = {}
        self._pods: dict[str, statuses.Object] = {}
        self._played: dict[str, Outcome] = {}
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        free = (f"198.18.{n // 250}.{n % 250 + 1}" for n in itertools.count())
        self._addresses: defaultdict[str, str] = defaultdict(lambda: next(free))
        self._loop = asyncio.new_event_loop()
        self._joined = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._tasks: set[asyncio.Task[None]] = set()
        self._failure: Exception | None = None

    def play(self, key: str, outcome: Outcome) -> None:
        """From now on, and for the pods that are there and have not ended, let this become of the key's pods.

        Args:
            key: the model's uri for a compile pod; for any other the artifact's digest, or the label
                app.kubernetes.io/name.
            outcome: what becomes of them.
        """
        self._loop.call_soon_threadsafe(self._change, key, outcome)

    def __enter__(self) -> "HollowNode":
        self._thread.start()
        if not self._joined.wait(timeout=60) or self._failure:
            raise RuntimeError(f"the hollow node {self.name} did not join the cluster") from self._failure
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._main.cancel)
        self._thread.join(timeout=60)

    def _run(self) -> None:
        self._main = self._loop.create_task(self._live())
        try:
            self._loop.run_until_complete(self._main)
        except asyncio.CancelledError:
            return
        except Exception as failure:
            self._failure = failure
            raise
        finally:
            self._joined.set()
            self._loop.close()

    async def _live(self) -> None:
        settings = client.Configuration()
        await config.load_kube_config(config_file=str(self._kubeconfig), client_configuration=settings)
        async with client.ApiClient(settings) as api:
            self._core = client.CoreV1Api(api)
            self._leases = client.CoordinationV1Api(api)
            await self._leave()
            await self._join()
            pods = self._loop.create_task(self._watch())
            try:
                self._joined.set()
                while not (await asyncio.wait({pods}, timeout=RENEWAL))[0]:
                    renewal = {"spec": objects.renewal()}
                    await self._leases.patch_namespaced_lease(self.name, objects.LEASES, renewal)
                await pods
            finally:
                pods.cancel()
                await self._leave()

    async def _join(self) -> None:
        await self._core.create_node(objects.node(self.name, self._devices))
        await self._leases.create_namespaced_lease(objects.LEASES, objects.lease(self.name))

    async def _leave(self) -> None:
        """Remove the node and its lease, then the pods that no kubelet would remove."""
        for gone in (
            self._core.delete_node(self.name),
            self._leases.delete_namespaced_lease(self.name, objects.LEASES),
        ):
            with _absence_allowed():
                await gone
        pods = await self._core.list_pod_for_all_namespaces(field_selector=f"spec.nodeName={self.name}")
        for pod in pods.items:
            await self._remove(pod.metadata.name, pod.metadata.namespace)

    async def _watch(self) -> None:
        """See every pod of the node; begin anew when the API server no longer knows where the watch stood."""
        mine = f"spec.nodeName={self.name}"
        while True:
            try:
                async with watch.Watch("object") as seen:
                    listing = self._core.list_pod_for_all_namespaces
                    async for event in seen.stream(listing, field_selector=mine, resource_version="0"):
                        self._saw(event["type"], event["object"])
            except ApiException as expired:
                if expired.status != GONE:
                    raise

    def _saw(self, kind: str, pod: statuses.Object) -> None:
        uid = pod["metadata"]["uid"]
        if kind == "DELETED":
            self._pods.pop(uid, None)
            return
        self._pods[uid] = pod
        if "deletionTimestamp" in pod["metadata"]:
            self._start(self._end(pod))
        else:
            self._decide(pod)

    def _change(self, key: str, outcome: Outcome) -> None:
        self._outcomes[key] = outcome
        for pod in list(self._pods.values()):
            if key in statuses.keys_of(pod) and "deletionTimestamp" not in pod["metadata"]:
                self._decide(pod)

    def _decide(self, pod: statuses.Object) -> None:
        component = pod["metadata"].get("labels", {}).get("app.kubernetes.io/component", "")
        chosen = [self._outcomes[key] for key in statuses.keys_of(pod) if key in self._outcomes]
        outcome = chosen[0] if chosen else DEFAULTS.get(component, RUNNING)
        uid = pod["metadata"]["uid"]
        before = self._played.get(uid)
        if before != outcome and not isinstance(before, Ends | Evicted):
            self._played[uid] = outcome
            self._start(self._perform(pod, outcome))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _perform(self, pod: statuses.Object, outcome: Outcome) -> None:
        uid = pod["metadata"]["uid"]
        async with self._turns[uid]:
            address = self._addresses[uid]
            if isinstance(outcome, Ends | Evicted):
                ready = isinstance(outcome, Ends)
                await self._report(
                    pod, statuses.running(pod, ready=ready, now=objects.now(), address=address)
                )
            await self._report(pod, statuses.status(pod, outcome, now=objects.now(), address=address))

    async def _end(self, pod: statuses.Object) -> None:
        """What a kubelet does with a deleted pod: stop what runs, say how it ended, then let it go."""
        uid = pod["metadata"]["uid"]
        if not isinstance(self._played.get(uid), Ends | Evicted):
            self._played[uid] = TERMINATED
            await self._perform(pod, TERMINATED)
        async with self._turns[uid]:
            await self._remove(pod["metadata"]["name"], pod["metadata"]["namespace"])

    async def _report(self, pod: statuses.Object, status: statuses.Object) -> None:
        with _absence_allowed():
            meta = pod["metadata"]
            await self._core.patch_namespaced_pod_status(meta["name"], meta["namespace"], {"status": status})

    async def _remove(self, name: str, namespace: str) -> None:
        with _absence_allowed():
            await self._core.delete_namespaced_pod(name, namespace, grace_period_seconds=0)


@contextmanager
def _absence_allowed() -> Iterator[None]:
    try:
        yield
    except ApiException as missing:
        if missing.status != NOT_FOUND:
            raise
