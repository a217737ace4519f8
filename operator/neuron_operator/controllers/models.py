"""Reconciling a NeuronModel: observe, decide, apply, one status write, Events."""

from datetime import UTC, datetime

from neuron_operator.api.model import parse_model
from neuron_operator.api.settings import Settings
from neuron_operator.execution.execute import REJECTED_RETRY_SECONDS, Executor, look_again
from neuron_operator.models.decide import decide
from neuron_operator.models.status import refused
from neuron_operator.plans.announce import transitions
from neuron_operator.plans.plan import soonest
from neuron_operator.reading.objects import status_of
from neuron_operator.world.metrics import Phases
from neuron_operator.world.observe import Observer


class ModelReconciler:
    """Brings one NeuronModel at a time closer to what it asks for."""

    def __init__(self, observer: Observer, executor: Executor, settings: Settings, phases: Phases) -> None:
        self._observer = observer
        self._executor = executor
        self._settings = settings
        self._phases = phases

    async def reconcile(self, namespace: str, name: str) -> float | None:
        """One pass; the seconds after which another is due whatever happens."""
        body = self._observer.model_body(namespace, name)
        if body is None:
            self._phases.record((namespace, name), None)
            return None
        now = datetime.now(UTC)
        model = parse_model(body)
        observed = self._observer.around_model(model)
        plan = decide(model, observed, self._settings, now)
        refusal = await self._executor.change_children(body, plan)
        if plan.status is None:
            return plan.requeue
        status = plan.status if refusal is None else refused(model, plan.status, refusal.message, now)
        wrote = await self._executor.write_status(body, status)
        if wrote:
            await self._executor.announce(body, transitions(status_of(body), status))
        self._phases.record((namespace, name), status["phase"])
        retry = None if refusal is None else REJECTED_RETRY_SECONDS
        return soonest(look_again(plan, wrote or plan.writes_children), retry)
