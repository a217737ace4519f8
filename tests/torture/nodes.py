"""SIGKILL from the node: a privileged pod on each node, in a namespace of its own."""

from collections.abc import Iterator
from contextlib import contextmanager

from support.kube import Kube, Object, Refused
from support.wait import eventually

NAMESPACE = "neuron-torture-nodes"
NAME = "executioner"


class Executioner:
    """Kills containers the way the kernel does it: at once, and without a word to them."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube

    def kill(self, pod: Object) -> bool:
        """SIGKILL the container that knows the pod's name; False where it is not running."""
        mine = next(
            own["metadata"]["name"]
            for own in self._kube.list("pods", NAMESPACE, f"app={NAME}")
            if own["spec"]["nodeName"] == pod["spec"]["nodeName"]
        )
        command = ("python", "-m", "toolbox.torture.executioner", pod["metadata"]["name"])
        try:
            self._kube.kubectl("exec", mine, "-n", NAMESPACE, "--", *command)
        except Refused:
            return False
        return True


@contextmanager
def executioner(kube: Kube, image: str) -> Iterator[Executioner]:
    """An executioner on every node, for as long as the block runs."""
    kube.remove_namespace(NAMESPACE)
    try:
        kube.apply(_namespace(), _daemon_set(image))
        eventually(lambda: _is_everywhere(kube), what="the executioner runs on every node", timeout=600)
        yield Executioner(kube)
    finally:
        kube.remove_namespace(NAMESPACE)


def _is_everywhere(kube: Kube) -> bool:
    found = kube.get("daemonset", NAME, NAMESPACE)
    assert found, "not there yet"
    wanted = found.get("status", {}).get("desiredNumberScheduled", 0)
    return bool(wanted and found["status"].get("numberReady") == wanted)


def _namespace() -> Object:
    labels = {"pod-security.kubernetes.io/enforce": "privileged"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}}


def _daemon_set(image: str) -> Object:
    labels = {"app": NAME}
    container = {
        "name": NAME,
        "image": image,
        "command": ["python", "-c", "import signal; signal.pause()"],
        "securityContext": {"privileged": True, "runAsUser": 0},
    }
    pod = {
        "hostPID": True,
        "terminationGracePeriodSeconds": 0,
        "tolerations": [{"operator": "Exists"}],
        "containers": [container],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": NAME, "namespace": NAMESPACE},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }
