"""Reading plain Kubernetes objects (JSON as Python dicts)."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

Object = dict[str, Any]
"""A whole Kubernetes object, or a part of one, as the API writes it."""


def name_of(obj: Mapping[str, Any]) -> str:
    """The object's name."""
    return str(obj["metadata"]["name"])


def namespace_of(obj: Mapping[str, Any]) -> str:
    """The object's namespace."""
    return str(obj["metadata"].get("namespace", ""))


def uid_of(obj: Mapping[str, Any]) -> str:
    """The object's uid; empty for an object that was never stored."""
    return str(obj["metadata"].get("uid", ""))


def labels_of(obj: Mapping[str, Any]) -> Mapping[str, str]:
    """The object's labels, possibly none."""
    return obj["metadata"].get("labels") or {}


def annotations_of(obj: Mapping[str, Any]) -> Mapping[str, str]:
    """The object's annotations, possibly none."""
    return obj["metadata"].get("annotations") or {}


def status_of(obj: Mapping[str, Any]) -> Mapping[str, Any]:
    """The object's status, possibly empty."""
    return obj.get("status") or {}


def is_deleting(obj: Mapping[str, Any]) -> bool:
    """Whether somebody has asked for its deletion."""
    return "deletionTimestamp" in obj["metadata"]


def controller_uid(obj: Mapping[str, Any]) -> str | None:
    """The uid of the owner that controls it, None without one."""
    for owner in obj["metadata"].get("ownerReferences") or ():
        if owner.get("controller"):
            return str(owner["uid"])
    return None


def condition_of(obj: Mapping[str, Any], type_: str) -> Mapping[str, Any] | None:
    """The object's condition of that type, whatever its status, None where there is none."""
    return condition_in(status_of(obj), type_)


def condition_in(status: Mapping[str, Any], type_: str) -> Mapping[str, Any] | None:
    """The same, of a status."""
    for condition in status.get("conditions") or ():
        if condition["type"] == type_:
            return dict(condition)
    return None


def is_true(obj: Mapping[str, Any], type_: str) -> bool:
    """Whether the condition of that type is True."""
    condition = condition_of(obj, type_)
    return condition is not None and condition["status"] == "True"


def parse_time(text: str) -> datetime:
    """A time as the API writes it (RFC 3339, UTC)."""
    return datetime.fromisoformat(text)


def format_time(time: datetime) -> str:
    """A time as the API wants it: RFC 3339, UTC, whole seconds."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def resource_version(obj: Mapping[str, Any]) -> int:
    """The resource version: a number that grows with every write of the same resource (KEP-5504)."""
    return int(obj["metadata"].get("resourceVersion", 0))
