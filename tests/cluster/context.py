"""The cluster of the current kubeconfig context: somebody's own, used as it is."""

import os
import shutil
from pathlib import Path

from cluster import tools
from cluster.interface import Cluster, Lacking, Manifest, Provider
from cluster.kubectl import Kubectl


class ContextProvider(Provider):
    """The current context; CLUSTER_REGISTRY and CLUSTER_STORAGE_CLASS say where images and volumes go."""

    name = "context"

    def check(self) -> None:
        """Raise Lacking if there is no kubeconfig, or a variable that the provider needs is not set."""
        if not self.kubeconfig().exists():
            raise Lacking("There is no kubeconfig: set KUBECONFIG to the file of the cluster to use.")
        for variable, what in (
            ("CLUSTER_REGISTRY", "the registry to which images are pushed"),
            ("CLUSTER_STORAGE_CLASS", "a storage class for ReadWriteMany volumes"),
        ):
            if not os.environ.get(variable):
                raise Lacking(f"{variable} is not set: set it to {what}.")
        if any(shutil.which(name) is None for name in ("kubectl", "helm")):
            tools.check_go()

    def up(self) -> Cluster:
        """Return the cluster, once it answers."""
        self.check()
        kubectl = tools.find_or_build(tools.KUBERNETES, "kubectl")
        if not Kubectl(kubectl, self.kubeconfig()).succeeds("get", "--raw", "/readyz"):
            raise Lacking("The cluster of the current context does not answer: check the kubeconfig.")
        return Cluster(
            kubeconfig=self.kubeconfig(),
            registry=os.environ["CLUSTER_REGISTRY"],
            insecure_registry=os.environ.get("CLUSTER_REGISTRY_INSECURE") == "true",
            helm=tools.build(tools.HELM),
            kubectl=kubectl,
            audit_log=None,
            _volume=_claim,
        )

    def down(self) -> None:
        """Do nothing: the cluster is not ours to remove."""

    def status(self) -> dict[str, str]:
        """Return what the nodes say of themselves."""
        kubectl = Kubectl(tools.find_or_build(tools.KUBERNETES, "kubectl"), self.kubeconfig())
        lines = kubectl.run("get", "nodes", "--no-headers").splitlines()
        return {line.split()[0]: line.split()[1] for line in lines}

    def kubeconfig(self) -> Path:
        """Return the first file of KUBECONFIG, else the user's default."""
        first = os.environ.get("KUBECONFIG", "").split(os.pathsep)[0]
        return Path(first) if first else Path.home() / ".kube" / "config"

    def logs(self) -> list[Path]:
        """Return no file: such a cluster's logs are elsewhere."""
        return []


def _claim(name: str, namespace: str, size: str) -> list[Manifest]:
    return [
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {
                "accessModes": ["ReadWriteMany"],
                "storageClassName": os.environ["CLUSTER_STORAGE_CLASS"],
                "resources": {"requests": {"storage": size}},
            },
        }
    ]
