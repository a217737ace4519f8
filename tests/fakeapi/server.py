"""The API server: paths, verbs, lists in pages, watches, and whatever answers a test wants instead."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from aiohttp import web
from neuron_operator.terms.kinds import BY_NAME, Kind

from fakeapi.collection import Clock, Collection, Name, Object, Refused, line, merged, selects

LEASE = Kind("Lease", "coordination.k8s.io", "v1", "leases")
FOR_KOPF = (
    Kind("Namespace", "", "v1", "namespaces", namespaced=False),
    Kind(
        "CustomResourceDefinition",
        "apiextensions.k8s.io",
        "v1",
        "customresourcedefinitions",
        namespaced=False,
    ),
)
"""What kopf looks for before it watches anything."""

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class FakeApi:
    """Serves the operator's kinds on a port of this machine, as an async context manager.

    Attributes:
        url: where it is.
        requests: method and path of every request.
        faults: asked about every request first; the first that gives an answer answers.
    """

    def __init__(self, kinds: Iterable[Kind] = (*BY_NAME.values(), LEASE, *FOR_KOPF)) -> None:
        self.clock = Clock()
        self.kinds = {(kind.group, kind.version, kind.plural): kind for kind in kinds}
        self.collections = {
            key: Collection(k.name, k.api_version, self.clock) for key, k in self.kinds.items()
        }
        self.requests: list[tuple[str, str]] = []
        self.faults: list[Callable[[web.Request], Answer | None]] = []
        self._watching: dict[Collection, set[asyncio.Task[Any]]] = {}
        self._silent: set[Collection] = set()
        app = web.Application(client_max_size=1 << 24)
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, shutdown_timeout=0)
        self.url = ""

    async def __aenter__(self) -> "FakeApi":
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        for collection in list(self._watching):
            self.break_watches(collection)
        await self._runner.cleanup()

    def of(self, kind: Kind) -> Collection:
        """The objects of a kind."""
        return self.collections[kind.group, kind.version, kind.plural]

    def put(self, obj: Mapping[str, Any]) -> Object:
        """Write an object as somebody else would."""
        metadata = obj["metadata"]
        kind = BY_NAME[obj["kind"]]
        return self.of(kind).write((metadata.get("namespace", ""), metadata["name"]), dict(obj))

    def break_watches(self, collection: Collection) -> None:
        """End the connections of all its watches, in the middle of whatever they say."""
        for task in self._watching.pop(collection, set()):
            task.cancel()

    def silence(self, collection: Collection) -> None:
        """Let its watches say nothing any more, and yet stay open, as where a connection has died."""
        self._silent.add(collection)

    def fail(self, method: str, plural: str, answer: Answer, times: int = 1) -> None:
        """Answer the next requests of that method about that resource in this way."""
        left = [times]

        def fault(request: web.Request) -> Answer | None:
            if left[0] and request.method == method and plural in request.path.split("/"):
                left[0] -= 1
                return answer
            return None

        self.faults.append(fault)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        self.requests.append((request.method, request.path))
        for fault in self.faults:
            answer = fault(request)
            if answer is not None:
                return await answer(request)
        try:
            return await self._answer(request)
        except Refused as refused:
            return web.json_response(refused.status, status=refused.code, headers=refused.headers)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        parts = [part for part in request.path.split("/") if part]
        found = self._place(parts)
        if found is None:
            return web.json_response(self._discovery(parts))
        collection, namespace, name, subresource = found
        if request.method == "GET" and not name:
            if request.query.get("watch") == "true":
                return await self._watch(request, collection, namespace)
            return web.json_response(_listed(request, collection, namespace))
        if request.method == "GET":
            return web.json_response(collection.get((namespace, name)))
        body = json.loads(await request.text() or "{}")
        return self._written(request, collection, (namespace, name), subresource, body)

    def _place(self, parts: list[str]) -> tuple[Collection, str, str, str] | None:
        """The collection, namespace, name and subresource of a path; None for one of discovery."""
        group, rest = ("", parts[1:]) if parts[:1] == ["api"] else ("".join(parts[1:2]), parts[2:])
        if len(rest) < 2:
            return None
        version, rest = rest[0], rest[1:]
        namespace = ""
        if rest[0] == "namespaces" and len(rest) > 2:
            namespace, rest = rest[1], rest[2:]
        key = (group, version, rest[0])
        if key not in self.collections:
            raise Refused(404, f"the server could not find {key}")
        return self.collections[key], namespace, "".join(rest[1:2]), "".join(rest[2:3])

    def _discovery(self, parts: list[str]) -> Object:
        kinds = list(self.kinds.values())
        match parts:
            case ["api"]:
                return {"kind": "APIVersions", "versions": ["v1"]}
            case ["apis"]:
                served = {(k.group, k.version) for k in kinds if k.group}
                versions = [(g, {"groupVersion": f"{g}/{v}", "version": v}) for g, v in sorted(served)]
                return {
                    "kind": "APIGroupList",
                    "groups": [{"name": g, "versions": [v], "preferredVersion": v} for g, v in versions],
                }
            case ["version"]:
                return {"major": "1", "minor": "36", "gitVersion": "v1.36.0"}
            case ["api", version]:
                group = ""
            case ["apis", group, version]:
                pass
            case _:
                raise Refused(404, "not found")
        verbs = ["create", "delete", "get", "list", "patch", "update", "watch"]
        found = [
            {"name": k.plural, "kind": k.name, "namespaced": k.namespaced, "verbs": verbs}
            | {"singularName": k.name.lower()}
            for k in kinds
            if (k.group, k.version) == (group, version)
        ]
        return {"kind": "APIResourceList", "groupVersion": "/".join(parts[1:]), "resources": found}

    def _written(
        self, request: web.Request, collection: Collection, name: Name, subresource: str, body: Object
    ) -> web.Response:
        match request.method:
            case "POST":
                name = (name[0], body["metadata"]["name"])
                if name in collection.objects:
                    raise Refused(409, f"{collection.kind} {name[1]} already exists")
                return web.json_response(collection.write(name, body), status=201)
            case "PUT":
                _same(collection.get(name), body["metadata"])
                return web.json_response(collection.write(name, body))
            case "DELETE":
                _same(collection.get(name), body.get("preconditions") or {})
                self.collect(collection.remove(name)["metadata"]["uid"])
                return web.json_response({"kind": "Status", "status": "Success"})
            case "PATCH" if request.query.get("dryRun"):
                return web.json_response(body)
            case "PATCH":
                applied = "apply" in request.content_type
                old = collection.objects.get(name, {}) if applied else collection.get(name)
                _same(old, body.get("metadata") or {})
                new = merged(old, {"status": body["status"]} if subresource else body)
                return web.json_response(old if new == old else collection.write(name, new))
        raise Refused(405, request.method)

    def collect(self, owner: str) -> None:
        """Remove what the owner of that uid owned, as the garbage collector does."""
        for collection in self.collections.values():
            for name, obj in list(collection.objects.items()):
                if owner in [each["uid"] for each in obj["metadata"].get("ownerReferences") or ()]:
                    self.collect(collection.remove(name)["metadata"]["uid"])

    async def _watch(
        self, request: web.Request, collection: Collection, namespace: str
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        saying = asyncio.ensure_future(self._say(request, response, collection, namespace))
        self._watching.setdefault(collection, set()).add(saying)
        try:
            await saying
        except asyncio.CancelledError:
            if request.transport is not None:
                request.transport.abort()
        return response

    async def _say(
        self, request: web.Request, response: web.StreamResponse, collection: Collection, namespace: str
    ) -> None:
        version = int(request.query.get("resourceVersion") or self.clock.version)
        selector = request.query.get("labelSelector", "")
        while True:
            waiting = collection.changed
            try:
                entries = [] if collection in self._silent else collection.since(version)
            except Refused as refused:
                return await response.write(line("ERROR", refused.status))
            for entry in entries:
                version = entry.version
                said = _as_selected(entry.type, entry.object, entry.before, selector)
                if said and namespace in ("", entry.object["metadata"].get("namespace", "")):
                    await response.write(line(said, entry.object))
            await waiting.wait()


def _as_selected(type_: str, now: Object, before: Object | None, selector: str) -> str | None:
    """What a watch with a selector says: an object that is selected no more is deleted to it."""
    was = before is not None and selects(selector, before)
    if type_ == "DELETED" or not selects(selector, now):
        return "DELETED" if was else None
    return "MODIFIED" if was else "ADDED"


def _listed(request: web.Request, collection: Collection, namespace: str) -> Object:
    """One page. Its continuation says the version and how many came before, as long as nothing changes."""
    selector, field = request.query.get("labelSelector", ""), request.query.get("fieldSelector", "")
    items = [
        obj
        for (place, name), obj in sorted(collection.objects.items())
        if namespace in ("", place) and selects(selector, obj)
        if not field.startswith("metadata.name=") or field.endswith(f"={name}")
    ]
    start = int(request.query.get("continue") or 0)
    limit = int(request.query.get("limit") or 0) or len(items)
    metadata: Object = {"resourceVersion": str(collection.clock.version)}
    if start + limit < len(items):
        metadata["continue"] = str(start + limit)
    page = items[start : start + limit]
    if "PartialObjectMetadata" in request.headers.get("Accept", ""):
        page = [{"metadata": obj["metadata"]} for obj in page]
    return {
        "kind": f"{collection.kind}List",
        "apiVersion": collection.api_version,
        "metadata": metadata,
        "items": page,
    }


def _same(there: Mapping[str, Any], said: Mapping[str, Any]) -> None:
    """Refuse with 409 what is meant for another object, or for another version of it."""
    for key in ("uid", "resourceVersion"):
        if said.get(key) and there and there["metadata"][key] != said[key]:
            raise Refused(
                409, "the object has been modified; please apply your changes to the latest version"
            )
