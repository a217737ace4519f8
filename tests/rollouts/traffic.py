"""Requests to a model over HTTP and gRPC, over new and lasting connections, without a pause."""

import re

from e2e.conftest import NAMESPACE, World
from support.wait import eventually


class Traffic:
    """A Job that asks a model at all its doors, without a pause."""

    def __init__(self, world: World, name: str) -> None:
        self._world, self._name = world, name

    def start(self, model: str) -> None:
        host = f"{model}.{NAMESPACE}.svc"
        doors = ("--url", f"{host}:8000", "--grpc", f"{host}:8001")
        command = ("python", "-m", "toolbox.traffic", *doors, "--model", model)
        self._world.kube.apply(self._world.toolbox.job(self._name, *command))

    def stop(self) -> None:
        self._world.kube.delete("job", self._name, NAMESPACE)

    def asks_more(self, questions: int) -> None:
        """Wait until it has asked that many questions more."""
        enough = self.asked() + questions
        eventually(lambda: self.asked() >= enough, what=f"{questions} more questions", timeout=180)

    def failures(self) -> list[str]:
        """A line for each question that was not answered."""
        return [line for line in self._log() if line.startswith("FAILED")]

    def asked(self) -> int:
        """How many questions it has counted."""
        counts = [int(found[1]) for line in self._log() if (found := re.match(r"asked (\d+)", line))]
        return max(counts, default=0)

    def _log(self) -> list[str]:
        """What it has said so far. Raises RuntimeError when it has ended."""
        pods = self._world.kube.list("pods", NAMESPACE, f"job-name={self._name}")
        if not pods or pods[0]["status"]["phase"] == "Pending":
            return []
        lines = self._world.kube.logs(pods[0]["metadata"]["name"], NAMESPACE).splitlines()
        if pods[0]["status"]["phase"] == "Failed":
            raise RuntimeError("the traffic has ended: " + "\n".join(lines[-5:]))
        return lines
