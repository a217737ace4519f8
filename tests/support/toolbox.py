"""Jobs of the toolbox image: seeds that put models on a volume, and clients that ask a served model."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from support.kube import Object

RESTRICTED_POD = {
    "runAsNonRoot": True,
    "runAsUser": 1000,
    "runAsGroup": 1000,
    "fsGroup": 1000,
    "seccompProfile": {"type": "RuntimeDefault"},
}
RESTRICTED_CONTAINER = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


@dataclass(frozen=True)
class Toolbox:
    """Pods of the toolbox image in one namespace.

    Attributes:
        claims: mount path by claim name; every pod gets all of them.
    """

    image: str
    namespace: str
    claims: Mapping[str, str] = field(default_factory=dict)

    def job(self, name: str, *command: str) -> Object:
        """A Job that runs `command` once."""
        return {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": {
                "backoffLimit": 0,
                "template": {"spec": {**self._pod(*command), "restartPolicy": "Never"}},
            },
        }

    def server(self, name: str, port: int, *command: str) -> list[Object]:
        """A Deployment of one replica that listens on `port`, and its Service."""
        labels = {"app": name}
        pod = self._pod(*command)
        pod["containers"][0]["readinessProbe"] = {"tcpSocket": {"port": port}, "periodSeconds": 1}
        meta = {"name": name, "namespace": self.namespace}
        template = {"metadata": {"labels": labels}, "spec": pod}
        return [
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": meta,
                "spec": {"selector": {"matchLabels": labels}, "template": template},
            },
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": meta,
                "spec": {"selector": labels, "ports": [{"port": port}]},
            },
        ]

    def _pod(self, *command: str) -> Object:
        volumes = [{"name": claim, "persistentVolumeClaim": {"claimName": claim}} for claim in self.claims]
        mounts = [{"name": claim, "mountPath": path} for claim, path in self.claims.items()]
        return {
            "securityContext": RESTRICTED_POD,
            "automountServiceAccountToken": False,
            "containers": [
                {
                    "name": "toolbox",
                    "image": self.image,
                    "command": list(command),
                    "securityContext": RESTRICTED_CONTAINER,
                    "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}, *mounts],
                }
            ],
            "volumes": [{"name": "tmp", "emptyDir": {}}, *volumes],
        }
