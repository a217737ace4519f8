"""The servers' objects: what is applied of them, handed over and removed. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from neuron_operator.api.model import NeuronModel
from neuron_operator.api.settings import Settings
from neuron_operator.builders.autoscalers import autoscaler
from neuron_operator.builders.deployments import deployment
from neuron_operator.builders.disruption_budgets import disruption_budget
from neuron_operator.builders.services import service
from neuron_operator.builders.templates import Served, kept_template, moved_in, restart_of
from neuron_operator.models import rollouts
from neuron_operator.models.draining import Drain, drain_of
from neuron_operator.models.observed import Observed
from neuron_operator.models.rollouts import Back
from neuron_operator.models.view import ArtifactView
from neuron_operator.plans.plan import Apply, Ensured, ensure
from neuron_operator.reading.objects import Object, annotations_of, controller_uid, is_deleting
from neuron_operator.terms import labels
from neuron_operator.terms.kinds import NEURON_MODEL


def ensure_servers(
    model: NeuronModel,
    observed: Observed,
    served: Served | None,
    views: Mapping[str, ArtifactView],
    settings: Settings,
    back: Back | None,
    now: datetime,
    *,
    frozen: bool,
    refused: bool,
) -> tuple[Ensured, ...]:
    """Deployment, Service, autoscaler and disruption budget.

    While a new artifact is being prepared the Deployment is left exactly as it is: its old template cannot
    be built from the new spec. Only a Deployment that is gone is made again, and a fixed number of
    replicas followed.
    """
    if served is None:
        return ()
    steps = [ensure(service(model), observed.service)]
    there = observed.deployment
    wanted = (
        _wanted_deployment(model, observed, served, views, settings, back, now)
        if not refused and not (frozen and there is not None)
        else _moved(model, observed, views, settings)
    )
    if wanted is not None:
        steps.append(ensure(wanted, there))
    scaler = autoscaler(model)
    if scaler is not None:
        steps.append(ensure(scaler, observed.autoscaler))
    stands = there or wanted
    holds = stands is not None and drain_around(model, observed, stands, settings).holds
    steps.append(ensure(disruption_budget(model, holds=holds), observed.disruption_budget))
    return tuple(steps)


def drain_around(model: NeuronModel, observed: Observed, stands: Object, settings: Settings) -> Drain:
    """What a drain means for the servers of a Deployment as it `stands`."""
    return drain_of(model, stands, observed.pods, observed.cordoned, settings)


def _moved(
    model: NeuronModel, observed: Observed, views: Mapping[str, ArtifactView], settings: Settings
) -> Object | None:
    """The Deployment that is left as it is but for a server that has to leave its node; None without one."""
    there = observed.deployment
    if there is None or is_deleting(there) or controller_uid(there) != model.uid:
        return None
    drain = drain_around(model, observed, there, settings)
    remembered = rollouts.remembered(model, there, views)
    if remembered is None or drain.moved == moved_in(there):
        return None
    before, notes = remembered
    return deployment(
        model, before.served, settings, before.template, before.restart, notes, moved=drain.moved
    )


def _wanted_deployment(
    model: NeuronModel,
    around: Observed,
    served: Served,
    views: Mapping[str, ArtifactView],
    settings: Settings,
    back: Back | None,
    now: datetime,
) -> Object:
    """The Deployment of what is asked for, or of what served before, each with what it has to remember."""
    observed = around.deployment
    moved = drain_around(model, around, observed, settings).moved if observed is not None else ""
    if back is not None:
        before = back.before
        return deployment(
            model, before.served, settings, before.template, before.restart, back.notes, moved=moved
        )
    template = kept_template(model, served, observed) or rollouts.former_template(model, served, observed)
    restart = restart_of(model, observed)
    built = deployment(model, served, settings, template, restart, moved=moved)
    notes = rollouts.notes(model, observed, built, views, now)
    return deployment(model, served, settings, template, restart, notes, moved=moved) if notes else built


def surplus(model: NeuronModel, observed: Observed) -> tuple[Object, ...]:
    """The operator's own autoscaler, where somebody else decides on the number of replicas now."""
    scaler = observed.autoscaler
    if model.autoscaling.autoscaler is not None or scaler is None or is_deleting(scaler):
        return ()
    if controller_uid(scaler) != model.uid:
        return ()
    return (scaler,)


def hand_over(observed: Object | None, changes: Sequence[Apply]) -> Object | None:
    """The Deployment whose number of replicas passes from this operator to an autoscaler.

    Leaving a field out of an apply that alone owned it would reset it: the Deployment would fall to one
    replica.
    """
    if observed is None or annotations_of(observed).get(labels.REPLICAS_OWNER) != NEURON_MODEL.name:
        return None
    for change in changes:
        if change.obj["kind"] == "Deployment" and "replicas" not in change.obj["spec"]:
            return observed
    return None


def rescaled(model: NeuronModel, observed: Object | None, *, frozen: bool) -> Object | None:
    """A Deployment that is left as it is, but for its number of replicas: scaling waits for no compile."""
    if not frozen or observed is None or is_deleting(observed) or controller_uid(observed) != model.uid:
        return None
    if model.replicas is None or observed["spec"].get("replicas", 1) == model.replicas:
        return None
    return {**observed, "spec": {**observed["spec"], "replicas": model.replicas}}
