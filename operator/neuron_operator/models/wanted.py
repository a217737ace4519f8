"""Which artifact a NeuronModel wants: pinned versions, target and fallback. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from neuron_operator.api.model import NeuronModel, Pinned
from neuron_operator.api.origin import origin_of
from neuron_operator.api.settings import Settings
from neuron_operator.builders.artifacts import Wanted, wanted_artifact
from neuron_operator.reading.conditions import ARTIFACT_READY, FALLBACK_ACTIVE, FALSE, READY, TRUE, Condition
from neuron_operator.reading.troubles import Problem
from neuron_operator.terms.reasons import Reason, sentence
from neuron_operator.terms.targets import CPU, family_of, is_accelerated

_UNUSABLE = frozenset(
    {Reason.IMAGE_PULL_FAILED, Reason.TOOLCHAIN_MISSING, Reason.VERSION_MISMATCH, Reason.IMAGE_NOT_CONFIGURED}
)
"""What a bad image or toolchain in the settings leads to: a choice that leads there is not worth keeping."""


@dataclass(frozen=True)
class Candidate:
    """An artifact that may be wanted, with the versions it is pinned to."""

    pinned: Pinned
    wanted: Wanted


@dataclass(frozen=True)
class Choice:
    """The candidate in effect; `condition` says why, where a fallback is allowed."""

    candidate: Candidate
    condition: Condition | None


def candidates(model: NeuronModel, settings: Settings) -> Mapping[str, Candidate]:
    """The artifact for each target the model may be served from: its own, and the CPU's as a fallback."""
    targets = [model.target]
    if _may_fall_back(model, settings):
        targets.append(CPU)
    found = {}
    for target in targets:
        pinned = _pinned(model, target, settings)
        origin = origin_of(model.source, settings)
        wanted = wanted_artifact(model, target, pinned.toolchain, pinned.compiler_image, origin)
        found[target] = Candidate(pinned, wanted)
    return found


def choose(model: NeuronModel, settings: Settings, accelerators: frozenset[str]) -> Choice:
    """The candidate in effect, given the extended resources that some node advertises."""
    found = candidates(model, settings)
    own = found[model.target]
    if not model.fallback or not is_accelerated(model.target):
        return Choice(own, None)
    if not settings.fallback_allowed:
        message = (
            "This operator was installed with fallback.allowed=false and does not look at nodes: "
            "set it in the chart, or leave spec.fallback out."
        )
        return Choice(own, Condition(FALLBACK_ACTIVE, FALSE, Reason.FALLBACK_NOT_ALLOWED, message))
    resource = settings.accelerator.resource_name
    if resource in accelerators:
        message = f"A node advertises {resource}."
        return Choice(own, Condition(FALLBACK_ACTIVE, FALSE, Reason.ACCELERATOR_FOUND, message))
    message = f"No node advertises {resource} for {model.target}: the CPU serves the model until one does."
    return Choice(found[CPU], Condition(FALLBACK_ACTIVE, TRUE, Reason.NO_ACCELERATOR, message))


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


def _pinned(model: NeuronModel, target: str, settings: Settings) -> Pinned:
    """What was chosen when this generation was first seen for this target, else what the settings say now.

    Images that were not configured then, or that turned out to be unusable, are looked for again.
    """
    pinned = model.pinned
    seen = (model.generation, target)
    if (
        pinned is not None
        and (pinned.generation, model.status.get("target")) == seen
        and pinned.compiler_image
        and pinned.serving_image
        and not _turned_out_unusable(model)
    ):
        return pinned
    family = family_of(target)
    return Pinned(
        generation=model.generation,
        toolchain=settings.toolchains[family],
        compiler_image=settings.compiler_images[family],
        serving_image=settings.server_images[model.serving.runtime][family],
    )


def _turned_out_unusable(model: NeuronModel) -> bool:
    return any(
        condition["type"] in (READY, ARTIFACT_READY)
        and condition["status"] == FALSE
        and condition["reason"] in _UNUSABLE
        for condition in model.status.get("conditions") or ()
    )
