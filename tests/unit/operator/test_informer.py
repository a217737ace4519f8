"""What the watches have missed, found by comparing with an API server's lists."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from fakeapi.answers import refusing, slow, torn
from fakeapi.server import FakeApi
from kubernetes_asyncio import client
from neuron_operator.reading.objects import Object, uid_of
from neuron_operator.terms.kinds import JOB, NEURON_MODEL, NODE
from neuron_operator.world import informer as informing
from neuron_operator.world.informer import INTERVAL_SECONDS, Informer
from neuron_operator.world.kube import Cluster, ConflictError
from neuron_operator.world.watched import watched_with
from neuron_operator.world.world import World
from unit.operator.worlds import NAMESPACE, SETTINGS, model_body

NAME = (NAMESPACE, "gpt2")
NODE_BODY: Object = {"kind": "Node", "metadata": {"name": "n"}, "status": {"allocatable": {"a/b": "1"}}}


class Place:
    """A cluster, what is known of it, and what compares the two."""

    def __init__(self, api: FakeApi, cluster: Cluster) -> None:
        self.api, self.cluster = api, cluster
        self.woken: list[str] = []
        self.world = World(SETTINGS, lambda wake: self.woken.append(wake.key.name))
        self.informer = Informer(cluster, self.world, watched_with(SETTINGS), [NAMESPACE])

    def knows(self, obj: Object) -> Object:
        """Write an object as somebody else would, and let the watch tell of it."""
        stored = self.api.put(obj)
        self.world.wrote(stored)
        return stored

    def model(self) -> Object | None:
        return self.world.stores.models.get(NAME)


@asynccontextmanager
async def place() -> AsyncIterator[Place]:
    async with FakeApi() as api, client.ApiClient(client.Configuration(host=api.url)) as connection:
        yield Place(api, Cluster(connection))


def in_fake_time(fake_time: asyncio.Runner, scenario: object) -> None:
    """Run it; minutes take no time."""
    fake_time.run(scenario())  # type: ignore[operator]


def test_a_deletion_that_the_watch_missed_is_found_and_wakes(fake_time: asyncio.Runner) -> None:
    async def scenario() -> None:
        async with place() as here:
            here.knows(model_body())
            here.knows(model_body("other"))
            here.api.of(NEURON_MODEL).remove(NAME)
            here.woken.clear()
            await here.informer.compare()
            assert here.model() is None
            assert "gpt2" in here.woken
            assert here.world.stores.models.get((NAMESPACE, "other")) is not None

    fake_time.run(scenario())


def test_an_object_made_anew_in_a_gap_of_the_watch_is_the_new_one(fake_time: asyncio.Runner) -> None:
    async def scenario() -> None:
        async with place() as here:
            old = here.knows(model_body())
            here.api.of(NEURON_MODEL).remove(NAME)
            new = model_body()
            del new["metadata"]["uid"]
            there = here.api.put(new)
            await here.informer.compare()
            found = here.model()
            assert found is not None
            assert uid_of(found) == uid_of(there) != uid_of(old)

    fake_time.run(scenario())


def test_a_change_that_a_deaf_watch_does_not_tell_is_read(fake_time: asyncio.Runner) -> None:
    async def scenario() -> None:
        async with place() as here:
            here.knows(model_body())
            here.api.put(model_body(target="inf2"))
            here.api.put({**NODE_BODY})
            await here.informer.compare()
            found = here.model()
            assert found is not None
            assert found["spec"]["target"] == "inf2"
            assert len(list(here.world.stores.nodes.values())) == 1

    fake_time.run(scenario())


def test_a_watch_that_tells_in_a_moment_is_not_deaf(fake_time: asyncio.Runner) -> None:
    async def scenario() -> None:
        async with place() as here:
            stored = here.api.put(model_body())
            asyncio.get_running_loop().call_later(1, here.world.wrote, stored)
            await here.informer.compare()
            assert here.informer.deaf_seconds() == 0
            assert ("GET", NEURON_MODEL.path(NAMESPACE)) in here.api.requests
            assert here.api.requests.count(("GET", NEURON_MODEL.path(NAMESPACE))) == 1

    fake_time.run(scenario())


def test_for_how_long_a_watch_has_been_deaf_is_known_until_it_hears_again(fake_time: asyncio.Runner) -> None:
    async def scenario() -> None:
        async with place() as here:
            running = asyncio.create_task(here.informer.run())
            await here.informer.synced.wait()
            for round_ in range(1, 4):
                here.api.put(model_body(target="inf2", replicas=round_))
                await asyncio.sleep(INTERVAL_SECONDS + 10)
            assert here.informer.deaf_seconds() > INTERVAL_SECONDS
            await asyncio.sleep(2 * INTERVAL_SECONDS)
            assert here.informer.deaf_seconds() == 0
            running.cancel()

    fake_time.run(scenario())


@pytest.mark.parametrize("answer", [*map(refusing, (403, 404, 410, 418, 429, 500, 503)), torn(), slow(60)])
def test_a_list_that_fails_loses_nothing(fake_time: asyncio.Runner, answer: object) -> None:
    async def scenario() -> None:
        async with place() as here:
            here.knows(model_body())
            here.api.fail("GET", "neuronmodels", answer)  # type: ignore[arg-type]
            await here.informer.compare()
            assert here.model() is not None
            here.api.of(NEURON_MODEL).remove(NAME)
            await here.informer.compare()
            assert here.model() is None

    fake_time.run(scenario())


def test_a_list_is_read_page_by_page(fake_time: asyncio.Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neuron_operator.world.kube._PAGE", "2")

    async def scenario() -> None:
        async with place() as here:
            for number in range(5):
                here.knows(model_body(f"model-{number}"))
            await here.informer.compare()
            assert len(here.world.stores.models.by_key()) == 5
            assert here.api.requests.count(("GET", NEURON_MODEL.path(NAMESPACE))) == 3

    fake_time.run(scenario())


def test_a_watch_that_begins_anew_is_followed_by_a_comparison_at_once(fake_time: asyncio.Runner) -> None:
    async def scenario() -> None:
        async with place() as here:
            here.knows(model_body())
            running = asyncio.create_task(here.informer.run())
            await here.informer.synced.wait()
            here.api.of(NEURON_MODEL).remove(NAME)
            here.informer.listed_anew()
            await asyncio.sleep(informing.SETTLE_SECONDS + 1)
            assert here.model() is None
            running.cancel()

    fake_time.run(scenario())


def test_nothing_is_synced_before_all_that_is_listed_has_been_told(fake_time: asyncio.Runner) -> None:
    async def scenario() -> None:
        async with place() as here:
            model, job = here.api.put(model_body()), {"kind": "Job", "metadata": {"name": "j"}}
            job["metadata"] = {"name": "j", "namespace": NAMESPACE, "labels": {}}
            here.api.put(job)
            here.api.fail("GET", JOB.plural, refusing(503), times=3)
            here.api.put(NODE_BODY)
            running = asyncio.create_task(here.informer.run())
            await asyncio.sleep(60)
            assert not here.informer.synced.is_set()
            here.world.wrote(model)
            await asyncio.sleep(60)
            assert not here.informer.synced.is_set()
            here.world.wrote(here.api.of(NODE).objects["", "n"])
            await asyncio.sleep(60)
            assert here.informer.synced.is_set()
            running.cancel()

    fake_time.run(scenario())


def test_a_list_at_the_start_is_not_asked_for_again_before_the_api_server_wants_it(
    fake_time: asyncio.Runner,
) -> None:
    async def scenario() -> None:
        async with place() as here:
            here.api.fail("GET", NEURON_MODEL.plural, refusing(429, Retry_After="50"))
            running = asyncio.create_task(here.informer.run())
            await asyncio.sleep(45)
            assert here.api.requests.count(("GET", NEURON_MODEL.path(NAMESPACE))) == 1
            await asyncio.sleep(20)
            assert here.informer.synced.is_set()
            running.cancel()

    fake_time.run(scenario())


def test_the_status_of_a_model_never_lands_on_its_successor(fake_time: asyncio.Runner) -> None:
    async def scenario() -> None:
        async with place() as here:
            old = here.knows(model_body())
            here.api.of(NEURON_MODEL).remove(NAME)
            new = here.api.put({**model_body(), "metadata": {"name": "gpt2", "namespace": NAMESPACE}})
            with pytest.raises(ConflictError):
                await here.cluster.patch_status(old, {"phase": "Ready"})
            stored = await here.cluster.patch_status(new, {"phase": "Ready"})
            assert (uid_of(stored), stored["status"]) == (uid_of(new), {"phase": "Ready"})

    fake_time.run(scenario())
