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
    """A kubectl that speaks to the cluster of one kubeconfig; `through_proxy`: with the machine's proxies."""

    program: Path
    kubeconfig: Path
    through_proxy: bool = False

    def run(self, *arguments: str, stdin: str | None = None) -> str:
        """Return what the command prints. Raises RuntimeError with what it complains about."""
        done = self._call(arguments, stdin)
        if done.returncode != 0:
            raise RuntimeError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def succeeds(self, *arguments: str) -> bool:
        """Say whether the command succeeds."""
        return self._call(arguments, None).returncode == 0

    def items(self, *arguments: str) -> list[dict[str, Any]]:
        """Return the objects that `kubectl get` lists, none if the API server does not answer just now."""
        done = self._call(("get", *arguments, "--output=json"), None)
        if done.returncode != 0:
            return []
        found: list[dict[str, Any]] = json.loads(done.stdout)["items"]
        return found

    def apply(self, manifests: list[dict[str, Any]]) -> None:
        """Apply the manifests by server-side apply."""
        self.run(
            "apply", "--server-side", "--force-conflicts", "--filename=-", stdin=yaml.safe_dump_all(manifests)
        )

    def _call(self, arguments: tuple[str, ...], stdin: str | None) -> "subprocess.CompletedProcess[str]":
        # No proxy stands between this machine and its own cluster; somebody else's may be behind one.
        environment = {
            key: value
            for key, value in os.environ.items()
            if self.through_proxy or not key.lower().endswith("_proxy")
        }
        return subprocess.run(
            [str(self.program), f"--kubeconfig={self.kubeconfig}", "--request-timeout=20s", *arguments],
            input=stdin,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
