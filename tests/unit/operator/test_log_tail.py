"""Reading the end of a pod's log from an API server, whatever the pod has written."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from kubernetes_asyncio import client
from neuron_operator.reading.progress import newest_progress
from neuron_operator.world.kube import Cluster, UnreadableError

NEWEST = 'progress: {"step": "compile", "done": 1, "total": 2, "unit": "buckets"}\n'


@asynccontextmanager
async def cluster_whose_log_is(content: bytes, status: int = 200) -> AsyncIterator[Cluster]:
    async def log(_: web.Request) -> web.Response:
        return web.Response(status=status, body=content)

    app = web.Application()
    app.router.add_get("/api/v1/namespaces/n/pods/p/log", log)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    async with client.ApiClient(client.Configuration(host=f"http://127.0.0.1:{port}")) as api:
        yield Cluster(api)
    await runner.cleanup()


async def tail(content: bytes, status: int = 200) -> str:
    async with cluster_whose_log_is(content, status) as cluster:
        return await cluster.log_tail("n", "p", "compile")


@pytest.mark.parametrize(
    "before",
    ["█" * 5461 + "\n", "x█" * 40_000 + "\n", "\n" * 20_000, "\x00\ufffd" * 9000 + "\n"],
)
async def test_the_newest_progress_is_read_after_whatever_else_was_written(before: str) -> None:
    found = newest_progress(await tail(before.encode() + NEWEST.encode()))
    assert found is not None
    assert found.step == "compile"


@pytest.mark.parametrize("content", [b"\xff\xfe\xe2\x96", "█".encode()[:2] + b"\n", b"\xc3"])
async def test_bytes_that_are_no_text_are_read_as_far_as_they_can_be(content: bytes) -> None:
    assert newest_progress(await tail(content + b"\n" + NEWEST.encode())) is not None


async def test_lines_without_an_end_are_not_read_to_their_end() -> None:
    with pytest.raises(UnreadableError, match="longer than"):
        await tail(b"x" * (1 << 21))


@pytest.mark.parametrize("status", [400, 404, 410, 500, 503])
async def test_a_log_that_the_api_server_does_not_give_is_unreadable(status: int) -> None:
    with pytest.raises(UnreadableError, match=str(status)):
        await tail(b"no", status)


async def test_a_server_that_is_not_there_makes_a_log_unreadable() -> None:
    async with client.ApiClient(client.Configuration(host="http://127.0.0.1:9")) as api:
        with pytest.raises(UnreadableError):
            await asyncio.wait_for(Cluster(api).log_tail("n", "p", "compile"), 20)
