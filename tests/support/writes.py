"""What the operator wrote, read from the API server's audit log."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Protocol

import pytest

from support.kube import Kube, Object
from support.wait import eventually

WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})
CREATED = 201
NO_AUDIT_LOG = "this provider of a cluster has no audit log to count writes in"


class Writer(Protocol):
    """An operator whose writes can be told from others' by the name it has at the API server."""

    @property
    def kube(self) -> Kube: ...

    @property
    def user(self) -> str: ...


class Writes:
    """The operator's writes from this moment on."""

    def __init__(self, writer: Writer) -> None:
        log = writer.kube.cluster.audit_log
        if log is None:
            pytest.skip(NO_AUDIT_LOG)
        self._log = log
        self._user = writer.user
        self._offset = log.stat().st_size
        self._settled: datetime | None = None

    def created(self, resource: str, artifact: str) -> int:
        """How many objects of that kind it has created for the artifact."""
        return sum(
            event["objectRef"]["resource"] == resource
            and event["objectRef"].get("name", "").startswith(artifact)
            and event["responseStatus"]["code"] == CREATED
            for event in self._writes()
        )

    def since_made(self) -> list[str]:
        """All of its writes: one line each, verb and object."""
        return [_line(event) for event in self._writes()]

    def settle(self, quiet: float = 5.0) -> None:
        """Wait until it has written nothing for `quiet` seconds of the log's own time."""
        start = self._now()

        def probe() -> bool:
            last = max((_time(event) for event in self._writes()), default=start)
            return self._now() - max(last, start) > timedelta(seconds=quiet)

        eventually(probe, what=f"the operator is quiet for {quiet:g} s", timeout=60, every=1)
        self._settled = self._now()

    def after_settling(self, *, seconds: float) -> list[str]:
        """Its writes in the `seconds` after it had settled: one line each, verb and object.

        Waits until the log has come that far, if it has not yet.
        """
        assert self._settled, "it has to settle first"
        start, end = self._settled, self._settled + timedelta(seconds=seconds)
        eventually(
            lambda: self._now() > end, what=f"the log moves on by {seconds:g} s", timeout=seconds * 2, every=1
        )
        return [_line(event) for event in self._writes() if start < _time(event) <= end]

    def _now(self) -> datetime:
        """The time of the log's last event; the cluster's own controllers move it on."""
        return eventually(
            lambda: max((_time(event) for event in self._events()), default=None),
            what="the API server writes to its audit log",
            timeout=30,
        )

    def _writes(self) -> Iterator[Object]:
        for event in self._events():
            ours = event["user"]["username"] == self._user and event["verb"] in WRITES
            # Leases are a heartbeat, at rest as well.
            if ours and event["objectRef"]["resource"] != "leases":
                yield event

    def _events(self) -> Iterator[Object]:
        with self._log.open() as lines:
            lines.seek(self._offset)
            for line in lines:
                if line.endswith("\n"):
                    event = json.loads(line)
                    if event["stage"] == "ResponseComplete":
                        yield event


def _line(event: Object) -> str:
    return f"{event['verb']} {event['objectRef']['resource']}/{event['objectRef'].get('name', '')}"


def _time(event: Object) -> datetime:
    return datetime.fromisoformat(event["stageTimestamp"].replace("Z", "+00:00"))
