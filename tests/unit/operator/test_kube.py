"""The operator's own requests: what is sent, and what answers mean."""

import asyncio
from typing import Any

import pytest
from aiohttp import web
from fakeapi.server import Answer, FakeApi
from kubernetes_asyncio import client
from neuron_operator.terms.kinds import NEURON_MODEL
from neuron_operator.world.kube import Cluster, RejectedError, UnansweredError, client_of
from unit.operator.worlds import NAMESPACE, model_body


def configured(api: FakeApi, **changes: Any) -> client.Configuration:
    configuration = client.Configuration(host=api.url)
    configuration.api_key["BearerToken"] = "secret"
    for name, value in changes.items():
        setattr(configuration, name, value)
    return configuration


def heard_by(api: FakeApi) -> list[web.Request]:
    """The requests that come from now on."""
    found: list[web.Request] = []

    def listens(request: web.Request) -> Answer | None:
        found.append(request)
        return None

    api.faults.append(listens)
    return found


def test_a_request_has_the_token_and_says_what_it_sends(fake_time: asyncio.Runner) -> None:
    async def scenario() -> None:
        async with FakeApi() as api:
            heard = heard_by(api)
            async with await client_of(configured(api)) as connection:
                await Cluster(connection).apply(model_body(), force=True)
            (request,) = heard
            assert request.headers["Authorization"] == "secret"
            assert request.content_type == "application/apply-patch+yaml"
            assert dict(request.query) == {"fieldManager": "neuron-operator", "force": "true"}

    fake_time.run(scenario())


def test_a_field_selector_arrives_as_it_was_meant(fake_time: asyncio.Runner) -> None:
    async def scenario() -> None:
        async with FakeApi() as api:
            heard = heard_by(api)
            async with await client_of(configured(api)) as connection:
                await Cluster(connection).events_about("a+b", {"name": "x&y=z", "uid": "1"})
            assert heard[0].query["fieldSelector"] == "involvedObject.name=x&y=z,involvedObject.uid=1"

    fake_time.run(scenario())


def test_neither_a_netrc_nor_a_proxy_for_others_changes_a_request(
    fake_time: asyncio.Runner, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1")

    async def scenario() -> None:
        async with FakeApi() as api:
            heard = heard_by(api)
            async with await client_of(configured(api)) as connection:
                await Cluster(connection).apply(model_body(), force=True)
            assert heard[0].headers["Authorization"] == "secret"

    fake_time.run(scenario())


@pytest.mark.parametrize("asked", [{}, {"proxy": "set below"}])
def test_a_proxy_of_the_environment_or_of_the_kubeconfig_is_used(
    fake_time: asyncio.Runner, monkeypatch: pytest.MonkeyPatch, asked: dict[str, str]
) -> None:
    async def scenario() -> None:
        async with FakeApi() as proxy:
            heard = heard_by(proxy)
            monkeypatch.setenv("http_proxy", "http://127.0.0.1:9" if asked else proxy.url)
            for name in ("no_proxy", "NO_PROXY"):
                monkeypatch.delenv(name, raising=False)
            configuration = configured(proxy, **(dict.fromkeys(asked, proxy.url)))
            configuration.host = "http://api.invalid"
            async with await client_of(configuration) as connection:
                await Cluster(connection).apply(model_body(), force=True)
            assert heard[0].headers["Host"] == "api.invalid"

    fake_time.run(scenario())


@pytest.mark.parametrize(
    ("status", "text", "meaning"),
    [
        (200, "<html>a gateway</html>", UnansweredError),
        (204, "", UnansweredError),
        (302, "", UnansweredError),
        (401, "", UnansweredError),
        (413, "too large", RejectedError),
        (500, '{"message": "failed to create typed patch object"}', RejectedError),
        (502, "[]", UnansweredError),
    ],
)
def test_an_answer_that_is_none_ends_nothing(
    fake_time: asyncio.Runner, status: int, text: str, meaning: type[Exception]
) -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text=text)

    async def scenario() -> None:
        async with FakeApi() as api:
            api.fail("GET", NEURON_MODEL.plural, answer)
            async with await client_of(configured(api)) as connection:
                with pytest.raises(meaning):
                    await Cluster(connection).listed(NEURON_MODEL, NAMESPACE, "")

    fake_time.run(scenario())
