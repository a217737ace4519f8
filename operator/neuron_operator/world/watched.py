"""Every kind that is watched, once: what is kept of it and under which keys, and what is written of it.

kopf's watches and indexes, the sweep for missed deletions and the operator's rights all follow this table.
"""

from collections.abc import Callable, Mapping
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
from neuron_operator.world import indexes

Body = Mapping[str, Any]
Keep = Callable[[Body, Settings], Mapping[Any, Any]]
"""What is kept of an object, by key: nothing but what decisions read."""

_APPLIED = frozenset({"create", "patch"})
"""Server-side apply needs `patch`, and `create` where the object is not there yet."""


@dataclass(frozen=True, eq=False)
class Watched:
    """One watched kind.

    Attributes:
        kind: the kind.
        index: the name of the index of its objects, a field of Indexes.
        keep: what that index keeps.
        writes: the verbs that the operator uses on it besides list and watch.
        status: whether the operator writes its status.
        selector: of what is watched; empty where that is every object.
        others: further indexes of the same kind.
    """

    kind: Kind
    index: str
    keep: Keep
    writes: frozenset[str] = frozenset()
    status: bool = False
    selector: str = labels.CHILD_SELECTOR
    others: Mapping[str, Keep] | None = None

    @property
    def indexes(self) -> Mapping[str, Keep]:
        """All indexes by their names."""
        return {self.index: self.keep, **(self.others or {})}

    @property
    def rights(self) -> Mapping[tuple[str, str], frozenset[str]]:
        """The verbs that the operator uses, by group and resource."""
        found = {(self.kind.group, self.kind.plural): frozenset({"list", "watch"}) | self.writes}
        if self.status:
            found[self.kind.group, f"{self.kind.plural}/status"] = frozenset({"patch"})
        return found


def _whole(kind: Kind) -> Keep:
    return lambda body, _: indexes.by_name(kind, body)


NODES = Watched(NODE, "offers", lambda body, _: indexes.offering_node(body), selector="")
"""Watched only where the setting fallback.allowed is true."""

WATCHED = (
    Watched(
        NEURON_MODEL,
        "models",
        _whole(NEURON_MODEL),
        status=True,
        selector="",
        others={"users": indexes.users_by_artifact},
    ),
    Watched(
        NEURON_ARTIFACT,
        "artifacts",
        _whole(NEURON_ARTIFACT),
        writes=_APPLIED | {"delete"},
        status=True,
        selector="",
    ),
    Watched(JOB, "jobs", _whole(JOB), writes=_APPLIED | {"delete"}),
    Watched(POD, "pods", lambda body, _: indexes.pods_by_parent(body)),
    Watched(DEPLOYMENT, "deployments", _whole(DEPLOYMENT), writes=_APPLIED),
    Watched(SERVICE, "services", _whole(SERVICE), writes=_APPLIED),
    Watched(AUTOSCALER, "autoscalers", _whole(AUTOSCALER), writes=_APPLIED | {"delete"}),
    Watched(DISRUPTION_BUDGET, "disruption_budgets", _whole(DISRUPTION_BUDGET), writes=_APPLIED),
    Watched(CLAIM, "claims", lambda body, _: indexes.claim_by_name(body), writes=frozenset({"create"})),
)


def watched_with(settings: Settings) -> tuple[Watched, ...]:
    """What is watched under these settings."""
    return (*WATCHED, NODES) if settings.fallback_allowed else WATCHED
