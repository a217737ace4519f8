"""Readiness: everything is known, and the Lease is watched."""

import asyncio
import socket
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from fakeapi.answers import refusing
from fakeapi.server import FakeApi
from kubernetes_asyncio import client
from neuron_operator.api.settings import LeaseName
from neuron_operator.runtime import Operator
from neuron_operator.terms.kinds import NEURON_MODEL
from neuron_operator.world import health
from unit.operator.worlds import SETTINGS, model_body

REPLICATED = replace(SETTINGS, leader_election=LeaseName("operators", "leader"))


def running(api: FakeApi, settings: Any = SETTINGS) -> Operator:
    return Operator(settings, client.ApiClient(client.Configuration(host=api.url)))


async def until(seconds: float) -> None:
    await asyncio.sleep(seconds)


def test_an_operator_is_ready_once_everything_that_is_listed_is_known(fake_time: asyncio.Runner) -> None:
    async def scenario() -> None:
        async with FakeApi() as api:
            stored = api.put(model_body())
            operator = running(api)
            await until(20)
            assert "world" in operator.waits_for()
            operator.world.show(NEURON_MODEL, stored)
            await until(20)
            assert operator.waits_for() == {}
            await operator.close()

    fake_time.run(scenario())


def test_a_standby_is_ready_while_it_can_read_the_lease_and_no_longer(fake_time: asyncio.Runner) -> None:
    async def scenario() -> None:
        async with FakeApi() as api:
            leader, standby = running(api, REPLICATED), running(api, REPLICATED)
            await until(30)
            assert (leader.waits_for(), standby.waits_for()) == ({}, {})
            api.fail("GET", "leases", refusing(503), times=10_000)
            await until(60)
            assert "lease" in standby.waits_for()
            await standby.close()
            await leader.close()

    fake_time.run(scenario())


async def asked(monkeypatch: pytest.MonkeyPatch, still: Any, waits: Any) -> dict[str, tuple[int, Any]]:
    """What the two paths answer."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv(health.PORT_VARIABLE, str(port))
    runner = await health.serve(lambda: still, lambda: waits)
    found = {}
    async with aiohttp.ClientSession() as session:
        for path in (health.PATH, health.READY_PATH):
            async with session.get(f"http://127.0.0.1:{port}{path}") as answer:
                found[path] = (answer.status, await answer.json())
    await runner.cleanup()
    return found


async def test_what_is_not_ready_is_alive_and_says_what_it_waits_for(monkeypatch: pytest.MonkeyPatch) -> None:
    waits = {"world": "not yet"}
    found = await asked(monkeypatch, {"stuckSeconds": 0.0, "deafSeconds": 0.0}, waits)
    assert found[health.PATH][0] == 200
    assert found[health.READY_PATH] == (503, {"waitsFor": waits})


@pytest.mark.parametrize("still", [{"stuckSeconds": 301.0}, {"deafSeconds": 701.0}])
async def test_a_queue_or_a_watch_that_stands_still_is_not_alive(
    monkeypatch: pytest.MonkeyPatch, still: Any
) -> None:
    found = await asked(monkeypatch, still, {})
    assert found == {health.PATH: (500, still), health.READY_PATH: (200, {"waitsFor": {}})}
