"""Which artifact a NeuronModel wants: pinned versions, target and fallback. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from neuron_operator.api.model import NeuronModel, Pinned
from neuron_operator.api.settings import Settings
from neuron_operator.builders.artifacts import Wanted, wanted_artifact
from neuron_operator.models.accelerators import Demand, demand_of
from neuron_operator.models.pins import pin
from neuron_operator.reading.conditions import FALLBACK_ACTIVE, FALSE, TRUE, UNKNOWN, Condition
from neuron_operator.reading.nodes import Offer
from neuron_operator.reading.objects import condition_in, parse_time
from neuron_operator.reading.troubles import Problem
from neuron_operator.terms.reasons import Reason, sentence
from neuron_operator.terms.targets import CPU, family_of, is_accelerated


@dataclass(frozen=True)
class Candidate:
    """An artifact that may be wanted, with the versions it is pinned to."""

    pinned: Pinned
    wanted: Wanted


@dataclass(frozen=True)
class Choice:
    """The candidate in effect.

    Attributes:
        candidate: what is wanted.
        others: what is pinned for the targets that are not in effect now.
        condition: why, where a fallback is allowed.
        patience: seconds until an accelerator that is away is given up, None while none is.
    """

    candidate: Candidate
    others: Sequence[Pinned] = ()
    condition: Condition | None = None
    patience: float | None = None


def candidates(model: NeuronModel, settings: Settings) -> Mapping[str, Candidate]:
    """The artifact for each target the model may be served from: its own, and the CPU's as a fallback."""
    targets = [model.target]
    if _may_fall_back(model, settings):
        targets.append(CPU)
    found = {}
    for target in targets:
        pinned = pin(model, target, settings)
        found[target] = Candidate(pinned, wanted_artifact(model, pinned))
    return found


def choose(model: NeuronModel, settings: Settings, offers: Sequence[Offer], now: datetime) -> Choice:
    """The candidate in effect, given what the nodes offer."""
    found = candidates(model, settings)
    target, condition, patience = _target_in_effect(model, settings, offers, now)
    others = [each.pinned for name, each in found.items() if name != target and name in model.pins]
    return Choice(found[target], others, condition, patience)


def image_problem(model: NeuronModel, candidate: Candidate) -> Problem | None:
    """Why no server can run: the settings name no image of the model's runtime for the target's family."""
    if candidate.pinned.serving_image:
        return None
    target, runtime = candidate.wanted.target, model.serving.runtime
    reason = Reason.IMAGE_NOT_CONFIGURED
    text = f"No {runtime} image is configured for {target} (images.{runtime.lower()}.{family_of(target)})"
    return Problem(reason, sentence(reason, text))


def _may_fall_back(model: NeuronModel, settings: Settings) -> bool:
    return model.fallback and is_accelerated(model.target) and settings.fallback_allowed


def _target_in_effect(
    model: NeuronModel, settings: Settings, offers: Sequence[Offer], now: datetime
) -> tuple[str, Condition | None, float | None]:
    """The target, what is said of it, and for how long an accelerator that is away is still waited for."""
    if not model.fallback or not is_accelerated(model.target):
        return model.target, None, None
    if not settings.fallback_allowed:
        message = (
            "This operator was installed with fallback.allowed=false and does not look at nodes: "
            "set it in the chart, or leave spec.fallback out."
        )
        return model.target, _said(FALSE, Reason.FALLBACK_NOT_ALLOWED, message), None
    demand = demand_of(model, settings)
    if demand.is_met_by(offers):
        return model.target, _said(FALSE, Reason.ACCELERATOR_FOUND, f"A node offers {demand}."), None
    patience = _patience(model, settings, now)
    if patience > 0:
        return model.target, _away(demand, settings), patience
    message = f"No node offers {demand}: the CPU serves the model until one does."
    return CPU, _said(TRUE, Reason.NO_ACCELERATOR, message), None


def _patience(model: NeuronModel, settings: Settings, now: datetime) -> float:
    """Seconds left for an accelerator to come back: a node that restarts moves no model.

    The condition Unknown tells since when it is away. A model that was not on its accelerator waits for none.
    """
    before = condition_in(model.status, FALLBACK_ACTIVE)
    if before is None or model.status.get("target") != model.target:
        return 0.0
    if before["status"] == FALSE and before["reason"] == Reason.ACCELERATOR_FOUND.value:
        return settings.fallback_patience_seconds
    if before["status"] == UNKNOWN:
        away = (now - parse_time(before["lastTransitionTime"])).total_seconds()
        return settings.fallback_patience_seconds - away
    return 0.0


def _away(demand: Demand, settings: Settings) -> Condition:
    message = (
        f"No node offers {demand} any more. If none does for {settings.fallback_patience_seconds:.0f} s, "
        "the CPU serves the model."
    )
    return _said(UNKNOWN, Reason.ACCELERATOR_AWAY, message)


def _said(status: str, reason: Reason, message: str) -> Condition:
    return Condition(FALLBACK_ACTIVE, status, reason, message)
