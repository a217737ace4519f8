"""The one story of a reconcile: parse, observe, decide, carry out. What differs by kind is passed in."""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, TypeVar

from neuron_operator.api.settings import Settings
from neuron_operator.controllers.stumbles import stumbled
from neuron_operator.execution.execute import REJECTED_RETRY_SECONDS, Executor
from neuron_operator.plans.announce import transitions
from neuron_operator.plans.plan import Plan, soonest
from neuron_operator.reading.objects import Object, status_of
from neuron_operator.terms.gauges import Sample
from neuron_operator.terms.kinds import Kind
from neuron_operator.world.fleet import Fleet
from neuron_operator.world.metrics import Census
from neuron_operator.world.observe import Observer

logger = logging.getLogger(__name__)

Resource = TypeVar("Resource")
Surroundings = TypeVar("Surroundings")


@dataclass(frozen=True)
class Part(Generic[Resource, Surroundings]):
    """What is particular about one kind.

    Attributes:
        kind: the kind of resource.
        parse: the resource from the API's object.
        observe: what surrounds it, from its object and itself.
        decide: the plan for it; pure.
        refused: its status where the API server does not accept one of its objects, from the status that the
            plan wanted and the API server's sentence.
        censuses: what is counted of all resources.
        fleet: what is told of each resource, and figures: what that is, for the status that was written.
        wrote: what else is done with a status that was written anew.
    """

    kind: Kind
    parse: Callable[[Object], Resource]
    observe: Callable[[Object, Resource], Surroundings]
    decide: Callable[[Resource, Surroundings, Settings, datetime], Plan]
    refused: Callable[[Resource, Object, str, datetime], Object]
    censuses: Sequence[Census]
    fleet: Fleet
    figures: Callable[[Resource, Surroundings, Settings, Object], Iterable[Sample]]
    wrote: Callable[[Resource, Object], None] = lambda resource, status: None


class Controller(Generic[Resource, Surroundings]):
    """Brings one resource of its kind at a time closer to what is wanted."""

    def __init__(
        self, part: Part[Resource, Surroundings], observer: Observer, executor: Executor, settings: Settings
    ) -> None:
        self._part = part
        self._observer = observer
        self._executor = executor
        self._settings = settings

    async def reconcile(self, namespace: str, name: str) -> float | None:
        """One pass: children, at most one write of status, then Events.

        Returns the seconds after which another pass is due whatever happens, None without such a time.
        """
        part = self._part
        body = self._observer.body_of(part.kind, namespace, name)
        if body is None:
            self._count(namespace, name, None)
            part.fleet.forget(namespace, name)
            return None
        now = datetime.now(UTC)
        resource = part.parse(body)
        around = part.observe(body, resource)
        plan = part.decide(resource, around, self._settings, now)
        refusal = await self._executor.change_children(body, plan)
        if plan.status is None:
            return plan.requeue
        status = plan.status
        if refusal is not None:
            status = part.refused(resource, status, refusal.message, now)
        if await self._executor.write_status(body, status):
            part.wrote(resource, status)
            await self._executor.announce(body, transitions(status_of(body), status))
        self._count(namespace, name, status)
        part.fleet.record(namespace, name, part.figures(resource, around, self._settings, status))
        retry = None if refusal is None else REJECTED_RETRY_SECONDS
        return soonest(plan.requeue, retry)

    def _count(self, namespace: str, name: str, status: Object | None) -> None:
        for census in self._part.censuses:
            census.record((namespace, name), status)

    async def tell(self, namespace: str, name: str, error: Exception) -> None:
        """Say in status that the resource's own content could not be worked with, if that can be said."""
        body = self._observer.body_of(self._part.kind, namespace, name)
        if body is None:
            return
        try:
            await self._executor.write_status(body, stumbled(body, error, datetime.now(UTC)))
        except Exception as refusal:
            logger.warning(
                "%s %s/%s: its status could not say so: %s", self._part.kind.name, namespace, name, refusal
            )
