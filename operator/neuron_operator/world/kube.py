"""The few requests the operator makes itself, and what the API server's answers mean."""

import json
import logging
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from kubernetes_asyncio import client, config

from neuron_operator.reading.objects import Object, name_of, namespace_of, resource_version, uid_of
from neuron_operator.terms.kinds import BY_NAME, EVENT, POD, Kind
from neuron_operator.terms.labels import MANAGER
from neuron_operator.world import metrics

logger = logging.getLogger(__name__)

_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"
_JSON = "application/json"
_METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

_TIMEOUT_SECONDS = 30.0
_TIMEOUT = aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS)
# Of an answer before it is read on: the largest object takes less.
_READ_BYTES = 1 << 21
_PAGE = "500"
# Enough for the newest line of progress among what compilers say.
_LOG_LINES = 50
_LOG_BYTES = 16384
# Lines may be of any length: a container that writes without end is read no further than this.
_LOG_READ_BYTES = 1 << 20


class Version(NamedTuple):
    """An object's namespace and name, and the version it is in."""

    name: tuple[str, str]
    version: int


class Listed(NamedTuple):
    """Objects by uid, as they were when the cluster was in that version."""

    objects: Mapping[str, Version]
    version: int


class NotFoundError(Exception):
    """The object is not there (404): look again."""


class ConflictError(Exception):
    """Somebody else was faster (409): look again."""


class UnreadableError(Exception):
    """A log cannot be read now, for whatever reason."""


class RejectedError(Exception):
    """The API server refuses the object as it is (400, 403, 422); the text is the server's sentence."""


class UnansweredError(Exception):
    """The API server did not answer, or not as asked (401, 429, 5xx, no connection): try again later.

    `retry_after`: not before so many seconds have passed, if it says so.
    """

    def __init__(self, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


async def connect() -> client.ApiClient:
    """A client of the cluster the operator runs in, or of the current kubeconfig's."""
    configuration = client.Configuration()
    try:
        config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
    except config.ConfigException:
        await config.load_kube_config(client_configuration=configuration)
    return await client_of(configuration)


async def client_of(configuration: client.Configuration) -> client.ApiClient:
    """A client that reads the environment once.

    The library's own session looks for a proxy and a .netrc at each request, each in a thread, which costs
    more than the request itself. The way out of here does not change, and a token needs no .netrc.
    """
    host = urlsplit(str(configuration.host))
    proxies = {} if proxy_bypass(host.hostname or "") else getproxies()
    configuration.proxy = configuration.proxy or proxies.get(host.scheme)
    api = client.ApiClient(configuration)
    before = api.rest_client.pool_manager
    api.rest_client.pool_manager = aiohttp.ClientSession(
        connector=before.connector, trust_env=False, read_bufsize=_READ_BYTES
    )
    before.detach()
    return api


class Cluster:
    """Requests to one cluster; every write is counted by verb and kind."""

    def __init__(self, api: client.ApiClient) -> None:
        self._api = api

    async def serves(self, kind: Kind) -> bool:
        """Whether the API server knows the kind."""
        try:
            answer = await self._request("GET", f"/apis/{kind.group}/{kind.version}")
        except NotFoundError:
            return False
        return any(resource["name"] == kind.plural for resource in answer["resources"])

    async def listed(self, kind: Kind, namespace: str, selector: str) -> Listed:
        """All objects of the kind that the selector chooses, as they are at one moment: metadata alone."""
        objects: dict[str, Version] = {}
        token = ""
        while True:
            query: dict[str, Any] = {"labelSelector": selector, "limit": _PAGE, "continue": token}
            page = await self._request("GET", kind.path(namespace), accept=_METADATA_ONLY, **query)
            for item in page["items"] or ():
                name = (namespace_of(item), name_of(item))
                objects[uid_of(item)] = Version(name, resource_version(item))
            token = page["metadata"].get("continue") or ""
            if not token:
                return Listed(objects, resource_version(page))

    async def read(self, kind: Kind, name: tuple[str, str], selector: str) -> Object | None:
        """One object, None where it is not there or not selected. Listed, which needs no further right."""
        chosen = f"metadata.name={name[1]}"
        found = await self._request("GET", kind.path(name[0]), labelSelector=selector, fieldSelector=chosen)
        return next(iter(found["items"] or ()), None)

    async def events_about(self, namespace: str, about: Mapping[str, str]) -> list[Object]:
        """The Events whose involvedObject has these fields; at most a hundred."""
        selector = ",".join(f"involvedObject.{field}={value}" for field, value in sorted(about.items()))
        listed = await self._request("GET", EVENT.path(namespace), fieldSelector=selector, limit="100")
        return list(listed["items"] or ())

    async def log_tail(self, namespace: str, pod: str, container: str) -> str:
        """The last lines of a container's log. Raises UnreadableError."""
        try:
            answer = await self._api.call_api(
                POD.path(namespace, pod, "log"),
                "GET",
                query_params=[("container", container), ("tailLines", str(_LOG_LINES))],
                header_params={"Accept": "*/*"},
                auth_settings=["BearerToken"],
                _preload_content=False,
                _return_http_data_only=True,
                _request_timeout=_TIMEOUT_SECONDS,
            )
            return (await _newest_bytes(answer)).decode("utf-8", errors="replace")
        except (client.ApiException, aiohttp.ClientError, TimeoutError) as error:
            raise UnreadableError(str(error)) from error

    async def apply(self, obj: Object, *, force: bool) -> Object:
        """Server-side apply of a whole object; returns it as stored.

        With `force` other managers lose the fields they have taken; without it that is a ConflictError, so
        that an object of the same name that somebody else made is never taken over.
        """
        kind = BY_NAME[obj["kind"]]
        path = kind.path(namespace_of(obj), name_of(obj))
        return await self._write("apply", kind, "PATCH", path, obj, _APPLY, force=str(force).lower())

    async def rehearse(self, obj: Object) -> None:
        """Server-side apply that keeps nothing. Raises RejectedError where the object would be refused."""
        kind = BY_NAME[obj["kind"]]
        path = kind.path(namespace_of(obj), name_of(obj))
        query = {"fieldManager": MANAGER, "force": "true", "dryRun": "All"}
        await self._request("PATCH", path, obj, _APPLY, **query)

    async def hand_over_replicas(self, deployment: Object) -> Object:
        """Write `spec.replicas` alone, owned by a second field manager: it stays when we let go of it."""
        kind = BY_NAME["Deployment"]
        body = {
            "apiVersion": deployment["apiVersion"],
            "kind": deployment["kind"],
            "metadata": {"name": name_of(deployment)},
            "spec": {"replicas": deployment["spec"]["replicas"]},
        }
        path = kind.path(namespace_of(deployment), name_of(deployment))
        manager = f"{MANAGER}-handover"
        return await self._write("apply", kind, "PATCH", path, body, _APPLY, manager=manager, force="true")

    async def create(self, obj: Object) -> Object:
        """Create an object that must not exist yet. Raises ConflictError where it does."""
        kind = BY_NAME[obj["kind"]]
        return await self._write("create", kind, "POST", kind.path(namespace_of(obj)), obj, _JSON)

    async def patch_status(self, obj: Mapping[str, Any], patch: Mapping[str, Any]) -> Object:
        """Merge a change into the object's status; returns the object as stored.

        Raises ConflictError where the object is no longer the one that was looked at. The resource version
        says so, which no two objects share: for custom resources the API server passes over the uid of a
        patch, and a status would land on a successor of the same name.
        """
        kind = BY_NAME[obj["kind"]]
        path = kind.path(namespace_of(obj), name_of(obj), "status")
        seen = {"uid": uid_of(obj), "resourceVersion": obj["metadata"]["resourceVersion"]}
        body = {"metadata": seen, "status": patch}
        return await self._write("status", kind, "PATCH", path, body, _MERGE)

    async def delete(self, obj: Mapping[str, Any]) -> bool:
        """Delete this very object (by uid) and, in the background, what it owns; no error if it is gone.

        Returns whether it is gone now; False while a finalizer of somebody else holds it.
        """
        kind = BY_NAME[obj["kind"]]
        metrics.API_WRITES.labels(verb="delete", kind=kind.name).inc()
        body = {"propagationPolicy": "Background", "preconditions": {"uid": uid_of(obj)}}
        try:
            answer = await self._request("DELETE", kind.path(namespace_of(obj), name_of(obj)), body)
        except (NotFoundError, ConflictError):
            logger.info("%s %s/%s was already gone", kind.name, namespace_of(obj), name_of(obj))
            return True
        return bool(answer["kind"] == "Status")

    async def _write(
        self,
        verb: str,
        kind: Kind,
        method: str,
        path: str,
        body: Mapping[str, Any],
        content_type: str,
        *,
        manager: str = MANAGER,
        **query: str,
    ) -> Object:
        metrics.API_WRITES.labels(verb=verb, kind=kind.name).inc()
        return await self._request(method, path, body, content_type, fieldManager=manager, **query)

    async def _request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        content_type: str = _JSON,
        accept: str = _JSON,
        **query: str,
    ) -> Object:
        """One request through the library's connections, with its credentials.

        `call_api` looks through all of the body and the answer for objects of its own classes, of which there
        are none here; that doubled what a request costs.
        """
        headers = {"Content-Type": content_type, "Accept": accept, "User-Agent": str(self._api.user_agent)}
        await self._api.update_params_for_auth(headers, [], ["BearerToken"])
        rest = self._api.rest_client
        try:
            async with rest.pool_manager.request(
                method,
                f"{self._api.configuration.host}{path}",
                params=query,
                headers=headers,
                data=None if body is None else json.dumps(body).encode(),
                timeout=_TIMEOUT,
                proxy=rest.proxy,
                proxy_headers=rest.proxy_headers,
                server_hostname=rest.server_hostname,
            ) as response:
                content = await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise UnansweredError(f"{method} {path}: {error or type(error).__name__}") from error
        if not 200 <= response.status < 300:
            raise _meaning(response, content)
        try:
            result: Object = json.loads(content)
        except ValueError as error:
            raise UnansweredError(f"{method} {path}: no JSON: {content[:80]!r}") from error
        (result.get("metadata") or {}).pop("managedFields", None)
        return result


async def _newest_bytes(answer: aiohttp.ClientResponse) -> bytes:
    """The last bytes of a log. Raises UnreadableError for an error, and where its lines have no end."""
    async with answer:
        if answer.status != 200:
            raise UnreadableError(f"{answer.status} {answer.reason}")
        newest, count = b"", 0
        async for chunk in answer.content.iter_any():
            count += len(chunk)
            if count > _LOG_READ_BYTES:
                raise UnreadableError(f"its last {_LOG_LINES} lines are longer than {_LOG_READ_BYTES} bytes")
            newest = (newest + chunk)[-_LOG_BYTES:]
        return newest


def _meaning(answer: aiohttp.ClientResponse, content: bytes) -> Exception:
    message = _server_message(answer, content)
    match answer.status:
        case 404:
            return NotFoundError(message)
        case 409:
            return ConflictError(message)
        case 400 | 403 | 413 | 422:
            return RejectedError(message)
        case 500 if "failed to create typed patch object" in message:
            return RejectedError(message)  # A value of the wrong type; only server-side apply calls it a 500.
        case _:
            return UnansweredError(f"{answer.status}: {message}", _retry_after(answer))


def _retry_after(answer: aiohttp.ClientResponse) -> float:
    try:
        return float(answer.headers.get("Retry-After") or 0)
    except ValueError:  # A date, which no API server sends.
        return 0.0


def _server_message(answer: aiohttp.ClientResponse, content: bytes) -> str:
    try:
        return str(json.loads(content)["message"])
    except (TypeError, ValueError, KeyError):
        return str(answer.reason)
