"""Compile pods of a NeuronArtifact: found, followed by their logs, and killed."""

import subprocess
import threading
import time
from dataclasses import dataclass
from enum import StrEnum

from neuron_contract import steps
from support.kube import Kube, Object
from toolbox.torture.moments import Moment
from toolbox.torture.steps import Log

from torture.nodes import Executioner

_ENDED = ("Succeeded", "Failed")
_LOOK_SECONDS = 0.2


class How(StrEnum):
    """The two ways in which a container is killed."""

    SIGKILL = "SIGKILL"
    DELETION = "forced deletion"


@dataclass(frozen=True)
class Hit:
    """A kill that met a living pod: how it was killed, and the step that its log had named last."""

    how: How
    step: str


class Followed:
    """A pod whose log is read as it comes, from when it is found."""

    def __init__(self, kube: Kube, pod: Object) -> None:
        self.pod = pod
        self.log = Log()
        self.ended = threading.Event()
        self._found = time.monotonic()
        self._kube = kube
        self._closed = threading.Event()
        self._process: subprocess.Popen[str] | None = None
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def elapsed(self) -> float:
        """Seconds since it was found."""
        return time.monotonic() - self._found

    def close(self) -> None:
        self._closed.set()
        if self._process is not None:
            self._process.terminate()
        self._reader.join()

    def _read(self) -> None:
        """The containers' logs, one after the other, as they run."""
        for container in steps.OF_COMPILING:
            if self._begins(container):
                self._follow(container)
        self.ended.set()

    def _begins(self, container: str) -> bool:
        """Wait until it runs or has run; False where it never will."""
        name, namespace = self.pod["metadata"]["name"], self.pod["metadata"]["namespace"]
        while not self._closed.wait(_LOOK_SECONDS):
            pod = self._kube.get("pod", name, namespace)
            status = (pod or {}).get("status", {})
            states = [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())]
            state: Object = next((each["state"] for each in states if each["name"] == container), {})
            if "running" in state or "terminated" in state:
                return True
            if pod is None or status.get("phase") in _ENDED:
                return False
        return False

    def _follow(self, container: str) -> None:
        name, namespace = self.pod["metadata"]["name"], self.pod["metadata"]["namespace"]
        self._process = subprocess.Popen(
            [str(self._kube.cluster.kubectl), "logs", "-f", name, "-c", container, "-n", namespace],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=self._kube.environment,
        )
        assert self._process.stdout
        with self._process.stdout as lines:
            self.log.read(lines)
        self._process.wait()


def kill(
    kube: Kube, executioner: Executioner, found: Followed, moment: Moment, how: How, whole: float
) -> Hit | None:
    """Kill the pod at the moment; None where it has ended before.

    A container that does not run yet has no process to kill: then the pod is deleted.
    """
    moment.wait(found.log, whole, found.elapsed, found.ended)
    step = found.log.step
    name, namespace = found.pod["metadata"]["name"], found.pod["metadata"]["namespace"]
    now = kube.get("pod", name, namespace)
    if now is None or now.get("status", {}).get("phase") in _ENDED:
        return None
    if how is How.SIGKILL and now["spec"].get("nodeName") and executioner.kill(now):
        return Hit(how, step)
    now = kube.get("pod", name, namespace)
    if now is None or now.get("status", {}).get("phase") in _ENDED:
        return None
    kube.delete("pod", name, namespace, now=True)
    return Hit(How.DELETION, step)
