"""What every provider of a cluster offers."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Manifest = dict[str, Any]
"""One Kubernetes object as it is sent to the API server."""

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


class Lacking(Exception):
    """The machine lacks something: one sentence that says what, and what to do about it."""


@dataclass(frozen=True)
class Cluster:
    """A running cluster and the tools that speak to it.

    `registry` is the "host:port" to which images are pushed and from which nodes pull, by the same name;
    `insecure_registry` is true where it speaks plain HTTP. `audit_log` is the API server's JSON audit log at
    level Metadata, one event per line, where the provider can read it.
    """

    kubeconfig: Path
    registry: str
    insecure_registry: bool
    helm: Path
    kubectl: Path
    audit_log: Path | None
    _volume: Callable[[str, str, str], list[Manifest]] = field(repr=False)

    def shared_volume(self, name: str, namespace: str, size: str = "10Gi") -> list[Manifest]:
        """Manifests of a claim `name` in `namespace` for a volume that all nodes see.

        The claim is ReadWriteMany and any uid may write to the volume. What the volume holds outlives the
        claim and ends with the cluster. Raises ValueError for a name that is no DNS label.
        """
        for text in (name, namespace):
            if not _LABEL.fullmatch(text):
                raise ValueError(f"{text!r} is no DNS label: use lower-case letters, digits and '-'")
        return self._volume(name, namespace, size)


class Provider(ABC):
    """A way to a cluster. `name` is what CLUSTER_PROVIDER says to choose it."""

    name: str

    @abstractmethod
    def check(self) -> None:
        """Raise Lacking if the machine cannot run this provider; change nothing."""

    @abstractmethod
    def up(self) -> Cluster:
        """Return a cluster that is ready, after starting or repairing it where needed; shows its progress.

        Raises Lacking if the machine lacks something, RuntimeError if the cluster does not become ready.
        """

    @abstractmethod
    def down(self) -> None:
        """Remove the cluster and everything it left on the machine; safe after a crash at any point."""

    @abstractmethod
    def status(self) -> dict[str, str]:
        """Return the parts of the cluster and what each is doing, in words."""

    @abstractmethod
    def kubeconfig(self) -> Path:
        """Return the path of the cluster's kubeconfig; it exists only while the cluster does."""

    def without_controllers(self) -> AbstractContextManager[None]:
        """Let Kubernetes' own controllers stand still meanwhile. Raises Lacking where that can't be done."""
        raise Lacking(f"the controllers of {self.name} can't be stopped: set CLUSTER_PROVIDER=local")

    @abstractmethod
    def logs(self) -> list[Path]:
        """Return the files in which the cluster's parts write what they do."""
