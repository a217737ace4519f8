"""What Events say of pods, Jobs and claims that say nothing themselves. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from neuron_operator.terms.reasons import Reason

_MEANINGS = {
    "FailedCreate": Reason.POD_CREATION_REFUSED,
    "FailedMount": Reason.VOLUME_MOUNT_FAILED,
    "FailedAttachVolume": Reason.VOLUME_MOUNT_FAILED,
    "FailedMapVolume": Reason.VOLUME_MOUNT_FAILED,
    "FailedCreatePodSandBox": Reason.CONTAINER_NOT_STARTED,
    "FailedPrepareDynamicResources": Reason.CONTAINER_NOT_STARTED,
    "NetworkNotReady": Reason.CONTAINER_NOT_STARTED,
    "ProvisioningFailed": Reason.STORAGE_NOT_BOUND,
    "FailedBinding": Reason.STORAGE_NOT_BOUND,
    "Pulling": Reason.IMAGE_PULLING,
    # Said of a pod for which Karpenter, or the cluster autoscaler, is starting a node.
    "Nominated": Reason.NODE_STARTING,
    "TriggeredScaleUp": Reason.NODE_STARTING,
}
_NO_CONFIG_MAP = re.compile(
    r"""configmap "[^"]*" not found|non-existent config key|couldn't find key \S+ in ConfigMap""", re.I
)
_LONGEST = 1024
_OWN_NAME = re.compile(r'\bpods? "[^"]*"')


@dataclass(frozen=True)
class Complaint:
    """What the newest Event that matters says: of which reason it is, in whose words."""

    reason: Reason
    message: str


Heard = Mapping[str, Complaint]
"""The complaints, by the uid of the pod or Job, or by the name of the claim, that they are about."""

SILENCE: Heard = MappingProxyType({})
"""Nobody complains, or nobody has listened yet."""


UNEXPLAINED = Complaint(Reason.CONTAINER_NOT_STARTED, "no Event says why")


def newest_complaint(events: Iterable[Mapping[str, Any]]) -> Complaint | None:
    """The newest of those Events that tell why something does not go on, None where none does."""
    known = [event for event in events if event.get("reason") in _MEANINGS and event.get("message")]
    if not known:
        return None
    event = max(known, key=_time)
    lacking = lacking_config_map(event["message"]) and event["reason"] == "FailedMount"
    reason = Reason.CONFIG_MAP_NOT_FOUND if lacking else _MEANINGS[event["reason"]]
    return Complaint(reason, essence(event["message"]))


def lacking_config_map(message: str) -> bool:
    """Whether the kubelet misses a ConfigMap, or a key in one."""
    return _NO_CONFIG_MAP.search(message) is not None


def essence(message: str) -> str:
    """The sentence on one line, without the pod's random name: each attempt has another."""
    text = " ".join(message.split()).removeprefix("Error creating: ")
    return _OWN_NAME.sub("the pod", text)[:_LONGEST]


def _time(event: Mapping[str, Any]) -> str:
    series = event.get("series") or {}
    times = (series.get("lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime"))
    return max((str(time) for time in times if time), default="")
