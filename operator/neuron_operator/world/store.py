"""Objects of one kind as they are known now, under the keys that decisions look for. Pure.

It stands behind the watch and the operator's own writes alike: whoever tells of an object tells its version,
and an older one than is known changes nothing.
"""

import heapq
import marshal
import zlib
from collections.abc import Callable, Collection, Hashable, Iterator
from typing import Any, Generic, NamedTuple, TypeVar

Name = tuple[str, str]
"""Namespace and name."""

Value = TypeVar("Value")

_FASTEST = 1


class Packing(NamedTuple):
    """How values are kept that are read by key alone; unpacked ones take five times the memory, or ten."""

    pack: Callable[[Any], bytes]
    unpack: Callable[[bytes], Any]


PACKED = Packing(marshal.dumps, marshal.loads)
COMPRESSED = Packing(
    lambda value: zlib.compress(marshal.dumps(value), _FASTEST),
    lambda packed: marshal.loads(zlib.decompress(packed)),
)
"""For large values: it takes time."""


class Kept(NamedTuple, Generic[Value]):
    """What is kept of an object, and under which keys."""

    keys: Collection[Hashable]
    value: Value


class _Held(NamedTuple):
    version: int
    name: Name
    keys: Collection[Hashable]
    value: Any


class Store(Generic[Value]):
    """Values by uid, found by key."""

    def __init__(self, packing: Packing | None = None) -> None:
        self._packing = packing
        self._held: dict[str, _Held] = {}
        self._uids: dict[Hashable, str | dict[str, None]] = {}
        """By key. Nearly every key has one object, and ten thousand dictionaries would take megabytes."""

    def put(self, uid: str, version: int, name: Name, kept: Kept[Value] | None) -> None:
        """Know this version of the object; None where nothing of it is kept."""
        self.remove(uid)
        if kept is None:
            self._held[uid] = _Held(version, name, (), None)
            return
        value = kept.value if self._packing is None else self._packing.pack(kept.value)
        self._held[uid] = _Held(version, name, kept.keys, value)
        for key in kept.keys:
            others = self._uids.setdefault(key, uid)
            if isinstance(others, dict):
                others[uid] = None
            elif others != uid:
                self._uids[key] = {others: None, uid: None}

    def touch(self, uid: str, version: int) -> None:
        """The object is in this version, and what is kept of it is the same."""
        self._held[uid] = self._held[uid]._replace(version=version)

    def remove(self, uid: str) -> None:
        """The object is gone."""
        held = self._held.pop(uid, None)
        for key in held.keys if held else ():
            uids = self._uids[key]
            if isinstance(uids, dict):
                del uids[uid]
            if uids in (uid, {}):
                del self._uids[key]

    def version(self, uid: str) -> int:
        """The version that is known of the object, -1 where it is not known."""
        held = self._held.get(uid)
        return -1 if held is None else held.version

    def kept(self, uid: str) -> Kept[Value] | None:
        """What is kept of the object."""
        held = self._held.get(uid)
        return Kept(held.keys, self._unpack(held.value)) if held and held.keys else None

    def get(self, key: Hashable) -> Value | None:
        """The newest object under the key.

        There are two where a watch has not told yet that the first was deleted before the second was made.
        """
        uids = self._under(key)
        if not uids:
            return None
        newest = max(uids, key=lambda uid: self._held[uid].version)
        return self._unpack(self._held[newest].value)

    def all(self, key: Hashable) -> list[Value]:
        """Every object under the key."""
        return [self._unpack(self._held[uid].value) for uid in self._under(key)]

    def values(self) -> Iterator[Value]:
        """Every object once."""
        for held in list(self._held.values()):
            if held.keys:
                yield self._unpack(held.value)

    def by_key(self) -> list[Any]:
        """All keys that have objects."""
        return list(self._uids)

    def namespaces(self) -> set[str]:
        """Those that known objects are in."""
        return {held.name[0] for held in self._held.values()}

    def names(self, namespace: str) -> dict[str, Name]:
        """The known objects of the namespace by uid; of all namespaces where it is empty."""
        return {uid: held.name for uid, held in self._held.items() if namespace in ("", held.name[0])}

    def _under(self, key: Hashable) -> Collection[str]:
        uids = self._uids.get(key, ())
        return (uids,) if isinstance(uids, str) else uids

    def _unpack(self, value: Any) -> Value:
        found: Value = value if self._packing is None else self._packing.unpack(value)
        return found


class User(NamedTuple):
    """A NeuronModel that wants or serves artifacts. `wants`: the names of those it would ask for now."""

    created: str
    name: str
    wants: frozenset[str]
    retry: str | None = None

    @property
    def age(self) -> tuple[str, str]:
        """Sorts the oldest first."""
        return self.created, self.name


class Users(Store[User]):
    """NeuronModels under the artifacts they use, and which of them is the first that wants one."""

    def __init__(self) -> None:
        super().__init__()
        self._order: dict[Name, list[tuple[str, str, str]]] = {}
        """By artifact, a heap of age and uid; whoever has left goes when its turn has come."""

    def put(self, uid: str, version: int, name: Name, kept: Kept[User] | None) -> None:
        """Know this version of the model."""
        before = self._wanted(uid)
        super().put(uid, version, name, kept)
        for artifact in self._wanted(uid) - before:
            user: User = self._held[uid].value
            heapq.heappush(self._order.setdefault(artifact, []), (*user.age, uid))

    def first(self, artifact: Name) -> User | None:
        """The oldest model that wants the artifact."""
        order = self._order.get(artifact, [])
        while order and artifact not in self._wanted(order[0][-1]):
            heapq.heappop(order)
        if not order:
            self._order.pop(artifact, None)
            return None
        user: User = self._held[order[0][-1]].value
        return user

    def _wanted(self, uid: str) -> set[Name]:
        held = self._held.get(uid)
        return {(held.name[0], artifact) for artifact in held.value.wants} if held and held.keys else set()
