"""kopf, the client and the operator's own part together, against an API server that fails; in fake time."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import web
from fakeapi.answers import refusing, slow, torn
from fakeapi.collection import Collection
from fakeapi.server import Answer, FakeApi
from neuron_operator.reading.objects import controller_uid, uid_of
from neuron_operator.terms.kinds import DEPLOYMENT, NEURON_MODEL
from unit.operator.operating import (
    CHILDREN,
    NAME,
    children,
    new_model,
    operating,
    phase,
    published,
    writes,
)

MINUTES = 60.0
SILENT = 12 * MINUTES
"""Two comparisons with what is listed: nothing else tells of what a silent watch has missed."""
FAILURES = {
    "409": refusing(409),
    "429": refusing(429, Retry_After="7"),
    "500": refusing(500),
    "503": refusing(503),
    "504": slow(40),
    "torn": torn(),
}


REQUESTS = (
    ("GET", "neuronmodels"),
    ("GET", "deployments"),
    ("PATCH", "services"),
    ("PATCH", "deployments"),
    ("PATCH", "neuronmodels"),
    ("POST", "events"),
    ("POST", "leases"),
)


@pytest.mark.parametrize("failure", FAILURES)
def test_what_the_api_server_fails_at_for_a_while_is_done_all_the_same(
    fake_time: asyncio.Runner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, failure: str
) -> None:
    async def scenario() -> None:
        async with FakeApi() as api:
            api.put(published())
            api.put(new_model())
            for method, plural in REQUESTS:
                # No list is in conflict with anything.
                if (method, failure) != ("GET", "409"):
                    api.fail(method, plural, FAILURES[failure], times=2)
            async with operating(api, tmp_path, monkeypatch):
                await asyncio.sleep(8 * MINUTES)
                assert (len(children(api)), phase(api)) == (len(CHILDREN), "Deploying")
                before = writes(api)
                await asyncio.sleep(2 * MINUTES)
                assert writes(api) == before

    fake_time.run(scenario())


@pytest.mark.parametrize("plural", ["services", "neuronmodels"])
def test_nothing_is_asked_again_before_the_api_server_wants_to_be_asked(
    fake_time: asyncio.Runner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, plural: str
) -> None:
    async def scenario() -> None:
        asked: list[float] = []

        def listening(request: web.Request) -> Answer | None:
            if request.method == "PATCH" and plural in request.path.split("/"):
                asked.append(asyncio.get_running_loop().time())
            return None

        async with FakeApi() as api:
            api.put(published())
            api.put(new_model())
            api.faults.append(listening)
            api.fail("PATCH", plural, refusing(429, Retry_After="45"))
            async with operating(api, tmp_path, monkeypatch):
                await asyncio.sleep(5 * MINUTES)
        assert asked[1] - asked[0] >= 45

    fake_time.run(scenario())


def test_a_lasting_outage_is_waited_for_and_no_longer_than_minutes_beyond_its_end(
    fake_time: asyncio.Runner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def scenario() -> None:
        away = [True]
        async with FakeApi() as api:
            api.put(published())
            api.put(new_model())
            async with operating(api, tmp_path, monkeypatch):
                await asyncio.sleep(1 * MINUTES)
                for kind in CHILDREN:
                    api.of(kind).remove(NAME)
                api.faults.append(lambda _: refusing(503) if away[0] else None)
                for collection in api.collections.values():
                    api.break_watches(collection)
                await asyncio.sleep(20 * MINUTES)
                away[0] = False
                await asyncio.sleep(6 * MINUTES)
                assert len(children(api)) == len(CHILDREN)

    fake_time.run(scenario())


def forgets(api: FakeApi, collection: Collection) -> None:
    collection.forget()


GAPS: dict[str, Callable[[FakeApi, Collection], None]] = {
    "broken": FakeApi.break_watches,
    "gone": forgets,
    "silent": FakeApi.silence,
}


@pytest.mark.parametrize("gap", GAPS)
def test_a_model_that_is_made_anew_in_a_gap_of_the_watch_gets_children_of_its_own(
    fake_time: asyncio.Runner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, gap: str
) -> None:
    async def scenario() -> None:
        async with FakeApi() as api:
            api.put(published())
            api.put(new_model())
            models = api.of(NEURON_MODEL)
            async with operating(api, tmp_path, monkeypatch):
                await asyncio.sleep(1 * MINUTES)
                if gap == "silent":
                    for collection in api.collections.values():
                        api.silence(collection)
                api.collect(uid_of(models.remove(NAME)))
                new = api.put(new_model(replicas=2))
                for collection in api.collections.values():
                    GAPS[gap](api, collection)
                await asyncio.sleep(SILENT if gap == "silent" else 2 * MINUTES)
                assert {controller_uid(child) for child in children(api)} == {uid_of(new)}
                assert api.of(DEPLOYMENT).get(NAME)["spec"]["replicas"] == 2

    fake_time.run(scenario())
