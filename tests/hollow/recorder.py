"""Everything that happened to the objects of one kind, in order, with nothing missed."""

import json
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from support.kube import Kube, Object


@dataclass(frozen=True)
class Seen:
    """One event of a watch.

    Attributes:
        at: when it arrived here, in seconds of the monotonic clock.
        kind: ADDED, MODIFIED or DELETED.
        object: as the API server sent it.
    """

    at: float
    kind: str
    object: Object


class Recorder:
    """A watch from the moment of its making on; a context manager.

    It starts at the collection's resource version of that moment, so nothing later escapes it.

    Args:
        kube: the cluster.
        path: the collection's path, for example /apis/batch/v1/namespaces/demo/jobs.
    """

    def __init__(self, kube: Kube, path: str) -> None:
        self._seen: list[Seen] = []
        version = json.loads(kube.kubectl("get", "--raw", f"{path}?limit=1"))["metadata"]["resourceVersion"]
        url = f"{path}?watch=1&resourceVersion={version}&timeoutSeconds=3600"
        self._process = subprocess.Popen(
            [str(kube.cluster.kubectl), "get", "--raw", url],
            env=kube.environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            event = json.loads(line)
            self._seen.append(Seen(time.monotonic(), event["type"], event["object"]))

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(timeout=10)
        self._thread.join(timeout=10)

    def all(self, prefix: str = "") -> list[Seen]:
        """What was seen so far of the objects whose names begin so."""
        return [seen for seen in self._seen if seen.object["metadata"]["name"].startswith(prefix)]

    def first(self, prefix: str, holds: Callable[[Object], bool]) -> Seen | None:
        """The first event of such an object after which `holds` was true."""
        return next((seen for seen in self.all(prefix) if holds(seen.object)), None)

    def created(self, prefix: str) -> int:
        """How many different objects with names of that prefix were ever created."""
        return len({seen.object["metadata"]["uid"] for seen in self.all(prefix) if seen.kind == "ADDED"})
