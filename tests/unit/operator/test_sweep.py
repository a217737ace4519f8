"""Deletions that a watch has missed, found by comparing with an API server's lists."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import fields
from typing import Any

import pytest
from aiohttp import web
from kubernetes_asyncio import client
from neuron_operator.reading.objects import Object, name_of
from neuron_operator.world import sweep
from neuron_operator.world.indexes import Indexes
from neuron_operator.world.kube import Cluster, ConflictError
from neuron_operator.world.observe import Observer
from neuron_operator.world.recent import RecentWrites
from neuron_operator.world.sweep import Sweeper
from unit.operator.worlds import NAMESPACE, SETTINGS, model_body

MODELS = f"/apis/neuron-operator.dev/v1alpha1/namespaces/{NAMESPACE}/neuronmodels"


def indexes_of(*models: Object) -> Indexes:
    """Indexes as the watches have left them: the models, and nothing else."""
    index: dict[str, dict[Any, Any]] = {field.name: {} for field in fields(Indexes)}
    for model in models:
        index["models"].setdefault((NAMESPACE, name_of(model)), []).append(model)
    return Indexes(**index)


def version(model: Object, uid: str, number: int) -> Object:
    return {**model, "metadata": {**model["metadata"], "uid": uid, "resourceVersion": str(number)}}


@asynccontextmanager
async def api_server(*models: Object, lists: int = 200) -> AsyncIterator[Cluster]:
    """One that has these models; it lists them with that HTTP status, and checks resource versions."""

    async def listed(_: web.Request) -> web.Response:
        items = [{"metadata": model["metadata"]} for model in models]
        return web.json_response({"items": items} if lists == 200 else {"message": "not now"}, status=lists)

    async def patched(request: web.Request) -> web.Response:
        said = (await request.json())["metadata"]
        (there,) = (model for model in models if name_of(model) == request.match_info["name"])
        stale = said.get("resourceVersion", "") not in ("", there["metadata"]["resourceVersion"])
        return web.json_response({"message": "modified"} if stale else there, status=409 if stale else 200)

    app = web.Application()
    app.router.add_get(MODELS, listed)
    app.router.add_patch(MODELS + "/{name}/status", patched)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with client.ApiClient(client.Configuration(host=host)) as api:
        yield Cluster(api)
    await runner.cleanup()


async def test_what_is_no_longer_listed_is_lost_and_what_is_listed_is_not() -> None:
    lost: list[Object] = []
    async with api_server(model_body("here")) as cluster:
        world = indexes_of(model_body("here"), model_body("gone"))
        await Sweeper(cluster, world, lost.append, lambda _: None).sweep()
    assert lost == [model_body("gone")]


@pytest.mark.parametrize("answer", [403, 404, 418, 429, 500, 503])
async def test_a_list_that_fails_loses_nothing(answer: int) -> None:
    lost: list[Object] = []
    async with api_server(lists=answer) as cluster:
        await Sweeper(cluster, indexes_of(model_body()), lost.append, lambda _: None).sweep()
    assert lost == []


async def test_a_watch_that_begins_anew_is_followed_by_a_sweep_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sweep, "SETTLE_SECONDS", 0)
    found: asyncio.Queue[Object] = asyncio.Queue()
    async with api_server() as cluster:
        sweeper = Sweeper(cluster, indexes_of(model_body("gone")), found.put_nowait, lambda _: None)
        running = asyncio.create_task(sweeper.run())
        sweeper.listed_anew()
        assert await asyncio.wait_for(found.get(), 20) == model_body("gone")
        running.cancel()


def test_a_predecessor_of_the_same_name_stays_gone_when_its_successor_goes() -> None:
    old, new = version(model_body(), "old", 9), version(model_body(), "new", 10)
    recent = RecentWrites()
    both = Observer(indexes_of(old, new), recent, SETTINGS, lambda _: None)
    assert both.model_body(NAMESPACE, "gpt2") == new
    left = Observer(indexes_of(old), recent, SETTINGS, lambda _: None)
    assert left.model_body(NAMESPACE, "gpt2") is None


async def test_the_status_of_a_model_never_lands_on_its_successor() -> None:
    old, new = version(model_body(), "old", 9), version(model_body(), "new", 10)
    async with api_server(new) as cluster:
        with pytest.raises(ConflictError):
            await cluster.patch_status(old, {"phase": "Ready"})
        assert await cluster.patch_status(new, {"phase": "Ready"}) == new
