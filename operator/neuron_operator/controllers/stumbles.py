"""The status of a resource whose own content the operator could not work with."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from neuron_operator.reading.conditions import FALSE, READY, Condition, merge
from neuron_operator.reading.objects import Object, status_of
from neuron_operator.terms.kinds import NEURON_MODEL
from neuron_operator.terms.reasons import Reason, sentence

_LONGEST_TEXT = 300


def stumbled(body: Mapping[str, Any], error: Exception, now: datetime) -> Object:
    """The status as it is, with what went wrong as the reason why the resource is not Ready.

    Its phase stays, so that nothing is removed or made anew because of a mistake in the operator.
    """
    before = status_of(body)
    conditions = before.get("conditions") or ()
    text = f"{type(error).__name__}: {error}"[:_LONGEST_TEXT]
    ready = Condition(READY, FALSE, Reason.RECONCILE_FAILED, sentence(Reason.RECONCILE_FAILED, text))
    others = [condition for condition in conditions if condition["type"] != READY]
    first = "Failed" if body["kind"] == NEURON_MODEL.name else "Pending"
    generation = int(body["metadata"].get("generation", 0))
    return {
        **before,
        "phase": before.get("phase") or first,
        "conditions": [*merge(conditions, [ready], generation=generation, now=now), *others],
    }
