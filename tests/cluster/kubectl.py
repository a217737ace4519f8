"""kubectl as the providers call it."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True)
class Kubectl:
    """A kubectl that speaks to the cluster of one kubeconfig."""

    program: Path
    kubeconfig: Path

    def run(self, *arguments: str, stdin: str | None = None) -> str:
        """Return what the command prints. Raises RuntimeError with what it complains about."""
        done = self._call(arguments, stdin)
        if done.returncode != 0:
            raise RuntimeError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def succeeds(self, *arguments: str) -> bool:
        """Say whether the command succeeds."""
        return self._call(arguments, None).returncode == 0

    def read(self, *arguments: str) -> dict[str, Any]:
        """Return the object or list that `kubectl get ... -o json` prints."""
        answer = json.loads(self.run("get", *arguments, "--output=json"))
        if not isinstance(answer, dict):
            raise RuntimeError(f"kubectl get {' '.join(arguments)} printed no object")
        return answer

    def apply(self, manifests: list[dict[str, Any]]) -> None:
        """Apply the manifests by server-side apply."""
        self.run(
            "apply", "--server-side", "--force-conflicts", "--filename=-", stdin=yaml.safe_dump_all(manifests)
        )

    def _call(self, arguments: tuple[str, ...], stdin: str | None) -> "subprocess.CompletedProcess[str]":
        # No proxy stands between this machine and its own cluster.
        environment = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
        return subprocess.run(
            [str(self.program), f"--kubeconfig={self.kubeconfig}", "--request-timeout=20s", *arguments],
            input=stdin,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
