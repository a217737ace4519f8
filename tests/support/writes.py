"""What the operator wrote, read from the API server's audit log."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from support.kube import Object
from support.release import Release
from support.wait import eventually

WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})
CREATED = 201


class Writes:
    """The audit log as seen by one test; only events of the operator's own service account count."""

    def __init__(self, release: Release) -> None:
        log = release.kube.cluster.audit_log
        if log is None:
            pytest.skip("this provider of a cluster has no audit log to count writes in")
        self._log: Path = log
        self._user = release.user

    def created(self, resource: str, artifact: str) -> int:
        """How many objects of that kind the operator has ever created for the artifact."""
        return sum(
            event["objectRef"]["resource"] == resource
            and event["objectRef"].get("name", "").startswith(artifact)
            and event["responseStatus"]["code"] == CREATED
            for event in self._writes()
        )

    def settle(self, quiet: float = 5.0) -> None:
        """Wait until the operator has written nothing for `quiet` seconds of the log's own time."""

        def probe() -> bool:
            last = max((_time(event) for event in self._writes()), default=None)
            return last is None or self._now() - last > timedelta(seconds=quiet)

        eventually(probe, what=f"the operator is quiet for {quiet:g} s", timeout=60, every=1)

    def during(self, *, seconds: float) -> list[str]:
        """The operator's writes while the log moves on by `seconds`: one line each, verb and object."""
        start = self._now()
        end = start + timedelta(seconds=seconds)
        eventually(lambda: self._now() > end, what=f"the log moves on by {seconds:g} s", timeout=seconds * 2, every=1)
        return [
            f"{event['verb']} {event['objectRef']['resource']}/{event['objectRef'].get('name', '')}"
            for event in self._writes()
            if start < _time(event) <= end
        ]

    def _now(self) -> datetime:
        """The time of the log's last event; nodes renew their leases, so it moves on its own."""
        *_, last = self._events()
        return _time(last)

    def _writes(self) -> Iterator[Object]:
        for event in self._events():
            if event["user"]["username"] == self._user and event["verb"] in WRITES:
                yield event

    def _events(self) -> Iterator[Object]:
        with self._log.open() as lines:
            for line in lines:
                if line.endswith("\n"):
                    event = json.loads(line)
                    if event["stage"] == "ResponseComplete":
                        yield event


def _time(event: Object) -> datetime:
    return datetime.fromisoformat(event["stageTimestamp"].replace("Z", "+00:00"))
