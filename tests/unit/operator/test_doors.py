"""A namespace whose Role was taken away is left alone, keeps no other waiting, and comes back by itself."""

import asyncio

from fakeapi.answers import refusing
from fakeapi.server import FakeApi
from kubernetes_asyncio import client
from neuron_operator.terms.kinds import JOB, NEURON_MODEL
from neuron_operator.world.doors import Doors
from neuron_operator.world.informer import SHUT_SECONDS, Informer
from neuron_operator.world.kube import Cluster
from neuron_operator.world.watched import watched_with
from neuron_operator.world.world import World
from unit.operator.worlds import NAMESPACE, SETTINGS, model_body


def test_it_keeps_nobody_waiting_at_the_start_and_what_is_there_is_read_once_it_may_be(
    fake_time: asyncio.Runner,
) -> None:
    async def scenario() -> None:
        async with FakeApi() as api, client.ApiClient(client.Configuration(host=api.url)) as connection:
            world = World(SETTINGS, lambda _: None)
            informer = Informer(Cluster(connection), world, watched_with(SETTINGS), [NAMESPACE])
            api.put(model_body())
            api.fail("GET", NEURON_MODEL.plural, refusing(403), times=2)
            running = asyncio.create_task(informer.run())
            await asyncio.sleep(10)
            assert informer.synced.is_set()
            assert not informer.doors.is_open(NAMESPACE)
            await asyncio.sleep(3 * SHUT_SECONDS)
            assert informer.doors.is_open(NAMESPACE)
            assert world.stores.models.get((NAMESPACE, "gpt2")) is not None
            running.cancel()

    fake_time.run(scenario())


def test_one_kind_that_may_not_be_listed_shuts_it() -> None:
    doors, why = Doors(), PermissionError("forbidden")
    for kind in (NEURON_MODEL, JOB):
        doors.forbidden(kind, "a", why)
    doors.allowed(JOB, "a")
    assert (doors.is_open("a"), doors.is_open("b"), doors.any_shut) == (False, True, True)
    doors.allowed(NEURON_MODEL, "a")
    assert (doors.is_open("a"), doors.any_shut) == (True, False)
