"""The objects of one resource: their versions, their history, and who watches it."""

import asyncio
import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Object = dict[str, Any]
Name = tuple[str, str]


class Refused(Exception):
    """An answer that is no success: a status code, a sentence, and headers."""

    def __init__(self, code: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.headers = code, message, dict(headers or {})

    @property
    def status(self) -> Object:
        """As the API writes it."""
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "status": "Failure",
            "code": self.code,
            "message": self.message,
        }


@dataclass(frozen=True)
class Entry:
    """Something that happened: what it was, and the object before and after, as JSON."""

    version: int
    type: str
    object: Object
    before: Object | None = None


@dataclass(eq=False)
class Clock:
    """The version of the whole cluster, which grows with every write."""

    version: int = 0

    def tick(self) -> int:
        """The next version."""
        self.version += 1
        return self.version


@dataclass(eq=False)
class Collection:
    """All objects of one resource.

    `history` begins after the version `forgotten`: an older watch is told 410.
    """

    kind: str
    api_version: str
    clock: Clock
    objects: dict[Name, Object] = field(default_factory=dict)
    history: list[Entry] = field(default_factory=list)
    forgotten: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def get(self, name: Name) -> Object:
        """The object; refused with 404 where it isn't there."""
        if name not in self.objects:
            raise Refused(404, f"{self.kind} {name[1]} not found")
        return self.objects[name]

    def write(self, name: Name, obj: Object) -> Object:
        """Store an object as the next version, whether it is there or not."""
        before = self.objects.get(name)
        metadata: Object = {**obj.get("metadata", {}), "name": name[1]}
        if name[0]:
            metadata["namespace"] = name[0]
        old = before["metadata"] if before else {}
        same = before is not None and before.get("spec") == obj.get("spec")
        version = self.clock.tick()
        metadata |= {
            "uid": old.get("uid") or metadata.get("uid") or f"uid-{self.kind}-{name[1]}-{version}",
            "generation": old.get("generation", 0) + (not same),
            "creationTimestamp": old.get("creationTimestamp") or "2026-01-01T11:00:00Z",
            "resourceVersion": str(version),
        }
        stored = {**obj, "apiVersion": self.api_version, "kind": self.kind, "metadata": metadata}
        self.objects[name] = stored
        self._happened(Entry(version, "MODIFIED" if before else "ADDED", stored, before))
        return stored

    def remove(self, name: Name) -> Object:
        """Delete the object."""
        gone = copy.deepcopy(self.get(name))
        del self.objects[name]
        version = self.clock.tick()
        gone["metadata"]["resourceVersion"] = str(version)
        self._happened(Entry(version, "DELETED", gone, gone))
        return gone

    def forget(self) -> None:
        """Forget all that has happened: no watch can go on from where it was."""
        self.history.clear()
        self.forgotten = self.clock.tick()
        self._wake()

    def since(self, version: int) -> list[Entry]:
        """What has happened after that version; refused with 410 where that is forgotten."""
        if version < self.forgotten:
            raise Refused(410, f"too old resource version: {version} ({self.forgotten})")
        return [entry for entry in self.history if entry.version > version]

    def _happened(self, entry: Entry) -> None:
        self.history.append(entry)
        self._wake()

    def _wake(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()


def selects(selector: str, obj: Mapping[str, Any]) -> bool:
    """Whether a label selector of equalities chooses the object."""
    said = obj["metadata"].get("labels") or {}
    wanted = [part.partition("=")[::2] for part in selector.split(",") if part]
    return all(said.get(key) == value for key, value in wanted)


def merged(old: Any, patch: Any) -> Any:
    """The JSON merge patch (RFC 7396) over the old value."""
    if not isinstance(patch, Mapping):
        return patch
    found = dict(old) if isinstance(old, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            found.pop(key, None)
        else:
            found[key] = merged(found.get(key), value)
    return found


def line(type_: str, obj: Mapping[str, Any]) -> bytes:
    """One event of a watch."""
    return json.dumps({"type": type_, "object": obj}).encode() + b"\n"
