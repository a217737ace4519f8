"""Every kind that is watched, once: what is kept of it, under which keys, whom it wakes, what is written.

kopf's handlers, the stores, the comparison with the API server's lists and the operator's rights all follow
this table.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from neuron_operator.api.settings import Settings
from neuron_operator.terms import labels
from neuron_operator.terms.kinds import (
    AUTOSCALER,
    CLAIM,
    DEPLOYMENT,
    DISRUPTION_BUDGET,
    JOB,
    NEURON_ARTIFACT,
    NEURON_MODEL,
    NODE,
    POD,
    SERVICE,
    Kind,
)
from neuron_operator.world import kept, wakes
from neuron_operator.world.store import Kept
from neuron_operator.world.stores import Stores
from neuron_operator.world.wakes import Change, Wake

Body = Mapping[str, Any]
Keep = Callable[[Kind, Body, Settings], Kept[Any] | None]
"""What is kept of an object, and under which keys; None: nothing."""

Wakes = Callable[[Change, Stores], Iterator[Wake]]
"""Whom a change of an object concerns."""

_APPLIED = frozenset({"create", "patch"})
"""Server-side apply needs `patch`, and `create` where the object is not there yet."""


@dataclass(frozen=True, eq=False)
class Watched:
    """One watched kind.

    Attributes:
        kind: the kind.
        keeps: by the name of a store, a field of Stores: what is kept there.
        wakes: whom a change concerns.
        writes: the verbs that the operator uses on it besides list and watch.
        status: whether the operator writes its status.
        selector: of what is watched; empty where that is every object.
    """

    kind: Kind
    keeps: Mapping[str, Keep]
    wakes: Wakes
    writes: frozenset[str] = frozenset()
    status: bool = False
    selector: str = labels.CHILD_SELECTOR

    @property
    def store(self) -> str:
        """The store that holds every object of the kind once."""
        return next(iter(self.keeps))

    @property
    def rights(self) -> Mapping[tuple[str, str], frozenset[str]]:
        """The verbs that the operator uses, by group and resource."""
        found = {(self.kind.group, self.kind.plural): frozenset({"list", "watch"}) | self.writes}
        if self.status:
            found[self.kind.group, f"{self.kind.plural}/status"] = frozenset({"patch"})
        return found


def _child(kind: Kind, body: Body, _: Settings) -> Kept[Any]:
    return kept.child(kind, body)


def _with_status(kind: Kind, body: Body, _: Settings) -> Kept[Any]:
    return kept.child(kind, body, ("status",))


NODES = Watched(NODE, {"nodes": lambda _, body, __: kept.node(body)}, wakes.by_node, selector="")
"""Watched only where the setting fallback.allowed is true."""

WATCHED = (
    Watched(
        NEURON_MODEL,
        {
            "models": lambda kind, body, _: kept.model(kind, body),
            "users": lambda _, body, settings: kept.user(body, settings),
        },
        wakes.by_model,
        status=True,
        selector="",
    ),
    Watched(
        NEURON_ARTIFACT,
        {"artifacts": lambda kind, body, _: kept.artifact(kind, body)},
        wakes.by_artifact,
        writes=_APPLIED | {"delete"},
        status=True,
        selector="",
    ),
    Watched(JOB, {"jobs": _with_status}, wakes.by_job, writes=_APPLIED | {"delete"}),
    Watched(POD, {"pods": lambda _, body, __: kept.pod(body)}, wakes.by_pod),
    Watched(
        DEPLOYMENT,
        {"deployments": lambda kind, body, _: kept.deployment(kind, body)},
        wakes.by_child,
        writes=_APPLIED,
    ),
    Watched(SERVICE, {"services": _child}, wakes.by_child, writes=_APPLIED),
    Watched(
        AUTOSCALER,
        {"autoscalers": lambda kind, body, _: kept.autoscaler(kind, body)},
        wakes.by_child,
        writes=_APPLIED | {"delete"},
    ),
    Watched(DISRUPTION_BUDGET, {"disruption_budgets": _child}, wakes.by_child, writes=_APPLIED),
    Watched(
        CLAIM,
        {"claims": lambda kind, body, _: kept.claim(kind, body)},
        wakes.by_child,
        writes=frozenset({"create"}),
    ),
)


def watched_with(settings: Settings) -> tuple[Watched, ...]:
    """What is watched under these settings."""
    return (*WATCHED, NODES) if settings.fallback_allowed else WATCHED
