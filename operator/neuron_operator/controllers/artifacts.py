"""Reconciling a NeuronArtifact: observe, decide, apply, one status write, Events."""

from datetime import UTC, datetime

from neuron_operator.api.artifact import parse_artifact
from neuron_operator.api.settings import Settings
from neuron_operator.artifacts.decide import decide
from neuron_operator.artifacts.status import refused
from neuron_operator.execution.execute import REJECTED_RETRY_SECONDS, Executor, look_again
from neuron_operator.plans.announce import transitions
from neuron_operator.plans.plan import soonest
from neuron_operator.reading.objects import status_of
from neuron_operator.world.observe import Observer


class ArtifactReconciler:
    """Brings one NeuronArtifact at a time closer to being published, or to being gone."""

    def __init__(self, observer: Observer, executor: Executor, settings: Settings) -> None:
        self._observer = observer
        self._executor = executor
        self._settings = settings

    async def reconcile(self, namespace: str, name: str) -> float | None:
        """One pass; the seconds after which another is due whatever happens."""
        body = self._observer.artifact_body(namespace, name)
        if body is None:
            return None
        now = datetime.now(UTC)
        artifact = parse_artifact(body, self._settings)
        observed = self._observer.around_artifact(body, namespace, name)
        plan = decide(artifact, observed, self._settings, now)
        refusal = await self._executor.change_children(body, plan)
        if plan.status is None:
            return plan.requeue
        status = plan.status if refusal is None else refused(artifact, plan.status, refusal.message, now)
        wrote = await self._executor.write_status(body, status)
        if wrote:
            await self._executor.announce(body, transitions(status_of(body), status))
        retry = None if refusal is None else REJECTED_RETRY_SECONDS
        return soonest(look_again(plan, wrote or plan.writes_children), retry)
