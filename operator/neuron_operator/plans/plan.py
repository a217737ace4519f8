"""What one reconcile wants done: the result of every decision."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from neuron_operator.plans.drift import drift
from neuron_operator.reading.objects import Object, annotations_of, controller_uid, is_deleting
from neuron_operator.terms import labels
from neuron_operator.terms.reasons import Reason

_LOOK_AGAIN_SECONDS = 5.0


@dataclass(frozen=True)
class Apply:
    """An object to apply. `exists`: the operator's own earlier version is there and is to be overruled."""

    obj: Object
    exists: bool = False
    drifted_at: str | None = None


@dataclass(frozen=True)
class Announcement:
    """An Event about the reconciled resource."""

    reason: Reason
    message: str
    warning: bool


@dataclass(frozen=True)
class Plan:
    """Writes, in the order of the fields. `requeue` is in seconds; None: wait for the next change.

    `hand_over`: a Deployment of which only the number of replicas is written, by a second field manager.
    `rehearse`: objects that are not applied yet; whether they would be accepted is known beforehand.
    `refusal`: why something that is wanted is not even tried, in the operator's own sentence.
    """

    create: tuple[Object, ...] = ()
    delete: tuple[Mapping[str, Any], ...] = ()
    hand_over: Object | None = None
    apply: tuple[Apply, ...] = ()
    rehearse: tuple[Object, ...] = ()
    refusal: str | None = None
    status: Object | None = None
    requeue: float | None = None

    @property
    def writes_children(self) -> bool:
        """Whether anything besides status changes."""
        return bool(self.create or self.delete or self.hand_over or self.apply)


NOTHING = Plan()


@dataclass(frozen=True)
class Ensured:
    """How to bring one object to what is wanted: an apply, a wait, or neither."""

    apply: Apply | None = None
    wait: float | None = None


def ensure(desired: Object, observed: Object | None) -> Ensured:
    """Compare what is wanted with what is there.

    An object on its way out, or one of an earlier incarnation of its owner, is waited for: applying would
    fail.
    """
    if observed is None:
        return Ensured(apply=Apply(desired))
    if is_deleting(observed):
        return Ensured(wait=_LOOK_AGAIN_SECONDS)
    if controller_uid(observed) not in (controller_uid(desired), None):
        return Ensured(wait=_LOOK_AGAIN_SECONDS)
    path = drift(desired, observed)
    if path is None:
        return Ensured()
    same_intention = spec_hash(desired) == spec_hash(observed)
    return Ensured(apply=Apply(desired, exists=True, drifted_at=path if same_intention else None))


def spec_hash(obj: Mapping[str, Any]) -> str | None:
    """The hash of the object as the operator built it; None for an object it did not build."""
    return annotations_of(obj).get(labels.SPEC_HASH)


def soonest(*delays: float | None) -> float | None:
    """The shortest of the delays, None where there is none."""
    return min((delay for delay in delays if delay is not None), default=None)


def merge_patch(old: Mapping[str, Any], new: Mapping[str, Any]) -> Object:
    """The JSON merge patch (RFC 7396) that turns `old` into `new`; empty where they are equal."""
    patch: Object = dict.fromkeys(old.keys() - new.keys())
    for key, value in new.items():
        if key not in old:
            patch[key] = value
        elif isinstance(value, Mapping) and isinstance(old[key], Mapping):
            inner = merge_patch(old[key], value)
            if inner:
                patch[key] = inner
        elif old[key] != value:
            patch[key] = value
    return patch
