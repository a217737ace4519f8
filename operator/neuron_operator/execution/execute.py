"""Carries out a plan: children first, then one status write, then Events. Shared by both controllers."""

import logging
import uuid
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from neuron_operator.execution.vain import Vain
from neuron_operator.plans.drift import drift
from neuron_operator.plans.plan import Announcement, Apply, Plan, merge_patch, spec_hash
from neuron_operator.reading.objects import Object, format_time, name_of, namespace_of, status_of, uid_of
from neuron_operator.terms.kinds import CLAIM
from neuron_operator.terms.labels import MANAGER
from neuron_operator.terms.reasons import Reason
from neuron_operator.world.kube import Cluster, ConflictError, NotFoundError, RejectedError, UnansweredError
from neuron_operator.world.world import World

logger = logging.getLogger(__name__)

REJECTED_RETRY_SECONDS = 120.0


@dataclass(frozen=True)
class Refusal:
    """The API server's sentence about an object it does not accept."""

    message: str


class Executor:
    """Writes plans to the cluster, and tells the world what it wrote."""

    def __init__(self, cluster: Cluster, world: World) -> None:
        self._cluster = cluster
        self._world = world
        self._vain = Vain()
        self._rehearsed: dict[Hashable, str | None] = {}

    async def change_children(self, owner: Object, plan: Plan) -> Refusal | None:
        """Everything but status. A refusal ends it: what comes after would build on what was refused.

        Raises NotFoundError or ConflictError where the world has moved on meanwhile.
        """
        for obj in plan.create:
            try:
                await self._create(owner, obj)
            except RejectedError as error:
                return _refusal(obj, error)
        for gone in plan.delete:
            if await self._cluster.delete(gone):
                self._world.deleted(gone)
            _log(owner, "deleted", gone)
        if plan.hand_over is not None:
            self._world.wrote(await self._cluster.hand_over_replicas(plan.hand_over))
            _log(owner, "wrote only the number of replicas of", plan.hand_over)
        for change in plan.apply:
            if change.drifted_at is not None and self._vain.rests(_repair(change)):
                continue
            try:
                stored = await self._cluster.apply(change.obj, force=change.exists)
            except RejectedError as error:
                return _refusal(change.obj, error)
            except ConflictError as error:
                if change.exists:
                    raise
                return Refusal(
                    f"A {change.obj['kind']} named {name_of(change.obj)} exists that is not the operator's: "
                    f"rename one of the two ({error})"
                )
            self._world.wrote(stored)
            _log(owner, "updated" if change.exists else "created", change.obj)
            if change.drifted_at is not None:
                await self._repaired(owner, change, stored)
        for obj in plan.rehearse:
            refusal = await self._rehearse(obj)
            if refusal is not None:
                return refusal
        return None if plan.refusal is None else Refusal(plan.refusal)

    async def _rehearse(self, obj: Object) -> Refusal | None:
        """Ask once whether an object would be accepted; what was accepted is not asked again."""
        key = (obj["kind"], namespace_of(obj), name_of(obj))
        if self._rehearsed.get(key) == spec_hash(obj):
            return None
        try:
            await self._cluster.rehearse(obj)
        except RejectedError as error:
            return _refusal(obj, error)
        self._rehearsed[key] = spec_hash(obj)
        return None

    async def _repaired(self, owner: Object, change: Apply, stored: Object) -> None:
        """Say that drift was repaired; where a webhook changes every write, say so and let it rest."""
        child = f"{change.obj['kind']} {name_of(change.obj)}"
        if drift(change.obj, stored) == change.drifted_at:
            if self._vain.add(_repair(change)):
                logger.warning(
                    "%s: %s is changed at %s by the API server on every write; exempt it from that webhook",
                    *(_title(owner), child, change.drifted_at),
                )
            return
        message = f"{child} was changed at {change.drifted_at}; repaired."
        logger.info("%s: %s", _title(owner), message)
        await self.announce(owner, [Announcement(Reason.DRIFT_REPAIRED, message, warning=False)])

    async def write_status(self, owner: Object, status: Mapping[str, Any]) -> bool:
        """Write what differs from the status that is there; says whether anything did."""
        patch = merge_patch(status_of(owner), status)
        if not patch:
            return False
        self._world.wrote(await self._cluster.patch_status(owner, patch))
        logger.info("%s: %s, %s", _title(owner), status["phase"], _headline(status))
        return True

    async def announce(self, owner: Object, announcements: Sequence[Announcement]) -> None:
        """One Event each. Losing one is no reason to fail: status tells the same."""
        for announcement in announcements:
            try:
                await self._cluster.create(_event(owner, announcement))
            except (RejectedError, NotFoundError, ConflictError, UnansweredError) as error:
                logger.warning("%s: the Event %s was refused: %s", _title(owner), announcement.reason, error)

    async def _create(self, owner: Object, obj: Object) -> None:
        attempt = (obj["kind"], namespace_of(obj), name_of(obj))
        if self._vain.rests(attempt):
            return
        try:
            self._world.wrote(await self._cluster.create(obj))
        except ConflictError:
            if obj["kind"] != CLAIM.name:
                raise
            # Somebody else made a claim of that name: it serves as well, and is not this operator's to
            # change.
            self._vain.add(attempt)
            return
        _log(owner, "created", obj)


def _repair(change: Apply) -> Hashable:
    return change.obj["kind"], namespace_of(change.obj), name_of(change.obj), change.drifted_at


def _refusal(obj: Object, error: RejectedError) -> Refusal:
    return Refusal(f"{obj['kind']} {name_of(obj)} was refused: {error}")


def _event(owner: Object, announcement: Announcement) -> Object:
    now = format_time(datetime.now(UTC))
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": f"{name_of(owner)}.{uuid.uuid4().hex[:16]}",
            "namespace": namespace_of(owner),
        },
        "involvedObject": {
            "apiVersion": owner["apiVersion"],
            "kind": owner["kind"],
            "name": name_of(owner),
            "namespace": namespace_of(owner),
            "uid": uid_of(owner),
        },
        "type": "Warning" if announcement.warning else "Normal",
        "reason": announcement.reason.value,
        "message": announcement.message[:1024],
        "source": {"component": MANAGER},
        "reportingComponent": MANAGER,
        "reportingInstance": MANAGER,
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }


def _title(owner: Object) -> str:
    return f"{owner['kind']} {namespace_of(owner)}/{name_of(owner)}"


def _headline(status: Mapping[str, Any]) -> str:
    for condition in status.get("conditions") or ():
        if condition["type"] == "Ready":
            return f"{condition['reason']}: {condition['message']}"
    return ""


def _log(owner: Object, verb: str, obj: Mapping[str, Any]) -> None:
    logger.info("%s: %s %s %s", _title(owner), verb, obj["kind"], name_of(obj))
