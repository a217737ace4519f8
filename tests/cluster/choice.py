"""Which provider to use on this machine."""

import os

from cluster import docker
from cluster.context import ContextProvider
from cluster.interface import Lacking, Provider
from cluster.kind import KindProvider
from cluster.local import LocalProvider

_PROVIDERS: dict[str, type[Provider]] = {
    provider.name: provider for provider in (ContextProvider, KindProvider, LocalProvider)
}


def provider() -> Provider:
    """Return the provider that CLUSTER_PROVIDER names; by default kind where Docker answers, else local.

    The current kubeconfig context is somebody's cluster: it is never chosen unasked. Raises Lacking for an
    unknown name.
    """
    chosen = os.environ.get("CLUSTER_PROVIDER", "auto") or "auto"
    if chosen == "auto":
        chosen = "kind" if docker.answers() else "local"
    if chosen not in _PROVIDERS:
        raise Lacking(f"CLUSTER_PROVIDER={chosen} is unknown: set it to auto, {', '.join(_PROVIDERS)}.")
    return _PROVIDERS[chosen]()
