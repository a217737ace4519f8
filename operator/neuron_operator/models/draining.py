"""A node is drained: the successor of a single server is Ready elsewhere before that one goes. Pure.

The budget refuses that the only server is evicted, and the Deployment replaces it as for any other change,
one more first. With two servers or more the others answer meanwhile.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from neuron_operator.api.model import NeuronModel
from neuron_operator.api.settings import Settings
from neuron_operator.builders.templates import moved_in
from neuron_operator.reading.objects import Object, condition_of, is_deleting, is_true, status_of, uid_of

_CORDONED = "node.kubernetes.io/unschedulable"


@dataclass(frozen=True)
class Drain:
    """Where the only server stands.

    Attributes:
        holds: the budget refuses that it is evicted.
        moved: the uid of the server that the newest one takes the place of; empty where there was none.
        node: the cordoned node that it is still on, None where it is on none.
    """

    holds: bool
    moved: str
    node: str | None = None


def drain_of(
    model: NeuronModel,
    deployment: Object,
    pods: Sequence[Object],
    cordoned: Collection[str],
    settings: Settings,
) -> Drain:
    """What a drain of its node means for the model's servers."""
    moved = moved_in(deployment)
    if not settings.covers_drains or not _is_single(model, deployment) or _stays(deployment):
        return Drain(holds=False, moved=moved)
    there = [pod for pod in pods if is_true(pod, "Ready") and not is_deleting(pod)]
    nodes = [str((pod.get("spec") or {}).get("nodeName")) for pod in there]
    if not there or any(node not in cordoned for node in nodes):
        return Drain(holds=True, moved=moved)
    uids = [uid_of(pod) for pod in there]
    if moved not in uids:
        return Drain(holds=True, moved=uids[0], node=nodes[0])
    return Drain(holds=not _is_late(deployment), moved=moved, node=nodes[uids.index(moved)])


def _is_single(model: NeuronModel, deployment: Object) -> bool:
    scaler = model.autoscaling.autoscaler
    least = scaler.min_replicas if scaler is not None else 1
    return bool(deployment["spec"].get("replicas", least) == 1)


def _stays(deployment: Object) -> bool:
    """Whether no successor would come first, or it might come to the very node that is drained."""
    update = (deployment["spec"].get("strategy") or {}).get("rollingUpdate") or {}
    unavailable = str(update.get("maxUnavailable", 1))
    # Of one server every percentage below 100 is none.
    goes_first = unavailable == "100%" or (not unavailable.endswith("%") and unavailable != "0")
    tolerations = deployment["spec"]["template"]["spec"].get("tolerations") or ()
    return goes_first or any(each.get("key") in (None, "", _CORDONED) for each in tolerations)


def _is_late(deployment: Object) -> bool:
    seen = status_of(deployment).get("observedGeneration", 0) >= deployment["metadata"].get("generation", 0)
    progressing = condition_of(deployment, "Progressing") or {}
    return seen and progressing.get("reason") == "ProgressDeadlineExceeded"
