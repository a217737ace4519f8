"""A thin client over kubectl: the same program that users type, so a test fails where a user would."""

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from cluster import Cluster

from support.wait import eventually

Object = dict[str, Any]


class Refused(Exception):
    """kubectl failed; the text is what it wrote to stderr."""


class Unanswered(Refused, AssertionError):
    """The API server did not answer this once: for `eventually`, not yet."""


# What a busy API server says, and answers a moment later.
_PASSING = re.compile(r"connection refused|connection reset|timed out|TLS handshake|leader changed", re.I)


@dataclass(frozen=True)
class Kube:
    """kubectl and helm against one cluster."""

    cluster: Cluster

    @property
    def environment(self) -> dict[str, str]:
        # The cluster is reached directly, whatever proxy the machine uses for the rest of the world.
        direct = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        return {**direct, "KUBECONFIG": str(self.cluster.kubeconfig)}

    def kubectl(self, *arguments: str, stdin: str | None = None, timeout: float = 120.0) -> str:
        """Run kubectl and return its standard output.

        Raises:
            Refused: it exited with an error.
        """
        return self._run([str(self.cluster.kubectl), *arguments], stdin=stdin, timeout=timeout)

    def helm(self, *arguments: str, timeout: float = 600.0) -> str:
        """Run helm and return its standard output; raises Refused as `kubectl` does."""
        return self._run([str(self.cluster.helm), *arguments], stdin=None, timeout=timeout)

    def _run(self, command: Sequence[str], *, stdin: str | None, timeout: float) -> str:
        done = subprocess.run(
            command, input=stdin, capture_output=True, text=True, env=self.environment, timeout=timeout
        )
        if done.returncode:
            said = done.stderr.strip() or done.stdout.strip()
            raise (Unanswered if _PASSING.search(said) else Refused)(said)
        return done.stdout

    def apply(self, *objects: Mapping[str, Any]) -> None:
        self.kubectl(
            "apply", "--server-side", "--force-conflicts", "-f", "-", stdin=yaml.safe_dump_all(objects)
        )

    def get(self, kind: str, name: str, namespace: str | None = None) -> Object | None:
        """The object, or None where there is none."""
        text = self.kubectl("get", kind, name, "-o", "json", "--ignore-not-found", *_in(namespace))
        return json.loads(text) if text.strip() else None

    def list(self, kind: str, namespace: str | None = None, selector: str = "") -> list[Object]:
        chosen = ["-l", selector] if selector else []
        items: list[Object] = json.loads(self.kubectl("get", kind, "-o", "json", *chosen, *_in(namespace)))[
            "items"
        ]
        return items

    def delete(self, kind: str, name: str, namespace: str | None = None, *, now: bool = False) -> None:
        """Delete it if it is there; `now` kills a pod with SIGKILL instead of asking it to stop."""
        how = ["--grace-period=0", "--force"] if now else []
        self.kubectl("delete", kind, name, "--ignore-not-found", "--wait=false", *how, *_in(namespace))

    def patch(self, kind: str, name: str, namespace: str | None, change: Mapping[str, Any]) -> None:
        self.kubectl("patch", kind, name, "--type=merge", "-p", json.dumps(change), *_in(namespace))

    def logs(self, name: str, namespace: str, *arguments: str) -> str:
        return self.kubectl("logs", name, *arguments, *_in(namespace))

    def namespace(self, name: str) -> None:
        """Make a namespace that admits only restricted pods."""
        self.apply(
            {
                "apiVersion": "v1",
                "kind": "Namespace",
                "metadata": {"name": name, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
            }
        )

    def shared_volume(self, name: str, namespace: str) -> None:
        """Make a claim and its volume, whose data outlive a claim that somebody deleted."""
        volume, claim = self.cluster.shared_volume(name, namespace)
        self.apply(volume)
        bound = volume["metadata"]["name"]
        found = self.get("persistentvolume", bound)
        if found and found.get("status", {}).get("phase") == "Released":
            # It still waits for the claim that was deleted, which it knows by its UID.
            self.patch("persistentvolume", bound, None, {"spec": {"claimRef": {"uid": None}}})
        self.apply(claim)

    def remove_namespace(self, name: str) -> None:
        """Delete a namespace with all it holds, its volumes included, and wait until it is gone."""
        volumes = [
            volume["metadata"]["name"]
            for volume in self.list("persistentvolumes")
            if volume["spec"].get("claimRef", {}).get("namespace") == name
        ]
        self.delete("namespace", name)
        eventually(lambda: self.get("namespace", name) is None, what=f"namespace {name} is gone", timeout=180)
        for volume in volumes:
            self.delete("persistentvolume", volume)
            eventually(
                lambda volume=volume: self.get("persistentvolume", volume) is None,  # type: ignore[misc]
                what=f"volume {volume} is gone",
            )

    def run_job(self, manifest: Mapping[str, Any], *, timeout: float = 600.0) -> str:
        """Run a Job to its end and return its log; a failed Job raises AssertionError with the log.

        One that may take long is looked at less often: a look costs CPU that a measurement would miss.
        """
        name, namespace = manifest["metadata"]["name"], manifest["metadata"]["namespace"]
        self.kubectl("delete", "job", name, "--ignore-not-found", "--cascade=foreground", "-n", namespace)
        self.apply(manifest)
        every = max(0.5, timeout / 600)
        ended = eventually(
            lambda: self._ended(name, namespace), what=f"Job {name} ends", timeout=timeout, every=every
        )
        log = self.logs(f"job/{name}", namespace)
        assert ended == "Complete", f"Job {name} failed:\n{log}"
        return log

    def _ended(self, name: str, namespace: str) -> str | None:
        job = self.get("job", name, namespace)
        assert job, f"Job {name} is not there"
        for condition in job.get("status", {}).get("conditions", []):
            if condition["type"] in ("Complete", "Failed") and condition["status"] == "True":
                return str(condition["type"])
        return None

    @contextmanager
    def temporary_namespace(self, name: str) -> Iterator[str]:
        self.remove_namespace(name)
        self.namespace(name)
        try:
            yield name
        finally:
            self.remove_namespace(name)


def condition(resource: Object | None, kind: str) -> Object:
    """The condition of that type; an AssertionError while there is none, so that `eventually` goes on."""
    assert resource, "the resource is not there"
    for found in resource.get("status", {}).get("conditions", []):
        if found["type"] == kind:
            return dict(found)
    raise AssertionError(f"no condition {kind} in {resource.get('status')}")


def read(path: Path) -> Object:
    """One manifest from a file."""
    loaded: Object = yaml.safe_load(path.read_text())
    return loaded


def _in(namespace: str | None) -> list[str]:
    return ["-n", namespace] if namespace else []
