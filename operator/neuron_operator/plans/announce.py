"""Which changes of a status are worth an Event. Pure."""

from collections.abc import Mapping
from typing import Any

from neuron_operator.plans.plan import Announcement
from neuron_operator.reading.conditions import ARTIFACT_READY, FALLBACK_ACTIVE, READY, SERVING_READY, UNDONE
from neuron_operator.terms.reasons import Reason

_QUIET = frozenset(
    {
        Reason.COMPILING,
        Reason.VERIFYING,
        Reason.DEPLOYING,
        Reason.WAITING_FOR_ARTIFACT,
        Reason.ARTIFACT_BEING_COLLECTED,
        Reason.NODE_STARTING,
        Reason.IMAGE_PULLING,
    }
)
_GOOD = frozenset(
    {Reason.SERVING, Reason.PUBLISHED, Reason.RETRYING, Reason.SCALED_TO_ZERO, Reason.UNDONE, Reason.MOVING}
)


def transitions(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Announcement]:
    """An Event when the condition Ready has another reason, and when a fallback begins or ends.

    What an artifact or a server lacks is said too, where Ready speaks of something else.
    """
    found: list[Announcement] = []
    for type_ in (READY, ARTIFACT_READY, SERVING_READY, UNDONE):
        before, after = _condition(old, type_), _condition(new, type_)
        if not after or _says_the_same(before, after):
            continue
        reason = Reason(after["reason"])
        good = reason in _GOOD
        heard = reason in _QUIET or (good and type_ != READY)
        if not heard and all(reason is not other.reason for other in found):
            found.append(Announcement(reason, after["message"], warning=not good))
    before, after = _condition(old, FALLBACK_ACTIVE), _condition(new, FALLBACK_ACTIVE)
    if after and after["status"] != before.get("status", "False"):
        found.append(
            Announcement(Reason(after["reason"]), after["message"], warning=after["status"] == "True")
        )
    return found


def _says_the_same(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Each new attempt is told, as what it tries differs; of other reasons the message may vary."""
    if after["reason"] != before.get("reason"):
        return False
    return bool(after["reason"] != Reason.RETRYING.value or after["message"] == before.get("message"))


def _condition(status: Mapping[str, Any], type_: str) -> Mapping[str, Any]:
    for condition in status.get("conditions") or ():
        if condition["type"] == type_:
            return dict(condition)
    return {}
