"""Which changes of a status are worth an Event. Pure."""

from collections.abc import Mapping
from typing import Any

from neuron_operator.plan import Announcement
from neuron_operator.reasons import Reason

_QUIET = frozenset(
    {Reason.COMPILING, Reason.DEPLOYING, Reason.WAITING_FOR_ARTIFACT, Reason.ARTIFACT_BEING_COLLECTED}
)
_GOOD = frozenset({Reason.SERVING, Reason.PUBLISHED, Reason.RETRYING})


def transitions(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Announcement]:
    """An Event when the condition Ready has another reason, and when a fallback begins or ends."""
    found = []
    before, after = _condition(old, "Ready"), _condition(new, "Ready")
    if after and after["reason"] != before.get("reason") and Reason(after["reason"]) not in _QUIET:
        reason = Reason(after["reason"])
        found.append(Announcement(reason, after["message"], warning=reason not in _GOOD))
    before, after = _condition(old, "FallbackActive"), _condition(new, "FallbackActive")
    if after and after["status"] != before.get("status", "False"):
        found.append(
            Announcement(Reason(after["reason"]), after["message"], warning=after["status"] == "True")
        )
    return found


def _condition(status: Mapping[str, Any], type_: str) -> Mapping[str, Any]:
    for condition in status.get("conditions") or ():
        if condition["type"] == type_:
            return dict(condition)
    return {}
