"""Which toolchain and images a model keeps, whatever the chart names by now. Pure.

What is compiled decides: as long as a model asks for the same to be compiled for a target, it keeps the
toolchain that it was compiled with. So neither an upgrade nor a change of anything else compiles anew.
"""

from collections.abc import Sequence
from dataclasses import replace

from neuron_operator.api.digest import digest_of
from neuron_operator.api.model import NeuronModel, Pinned
from neuron_operator.api.origin import origin_of
from neuron_operator.api.settings import Settings
from neuron_operator.reading.conditions import ARTIFACT_READY, FALSE, READY
from neuron_operator.reading.objects import Object
from neuron_operator.terms.reasons import Reason
from neuron_operator.terms.targets import family_of

_UNUSABLE = frozenset(
    {Reason.IMAGE_PULL_FAILED, Reason.TOOLCHAIN_MISSING, Reason.VERSION_MISMATCH, Reason.IMAGE_NOT_CONFIGURED}
)
"""What a bad image or toolchain in the settings leads to: a choice that leads there is not worth keeping."""


def pin(model: NeuronModel, target: str, settings: Settings) -> Pinned:
    """What the model keeps for that target; where it keeps nothing, what the settings say now."""
    newest = newest_pin(model, target, settings)
    kept = model.pins.get(target)
    if kept is None or not _is_kept(kept, newest, model, settings):
        return newest
    image = _serving_image(kept, newest, settings)
    if image is None:
        return newest
    digest = _digest_with(kept.toolchain, newest, model, settings)
    return replace(
        kept, generation=model.generation, serving_image=image, runtime=newest.runtime, digest=digest
    )


def newest_pin(model: NeuronModel, target: str, settings: Settings) -> Pinned:
    """What the settings say now."""
    family = family_of(target)
    toolchain = settings.toolchains[family]
    return Pinned(
        target=target,
        generation=model.generation,
        toolchain=toolchain,
        compiler_image=settings.compiler_images[family],
        serving_image=settings.server_images[model.serving.runtime][family],
        runtime=model.serving.runtime,
        digest=_digest(model, target, toolchain, settings),
    )


def status_of_pins(current: Pinned, others: Sequence[Pinned]) -> Object:
    """`status.pinned`."""
    return _said(current) | ({"others": [_said(pinned) for pinned in others]} if others else {})


def _is_kept(kept: Pinned, newest: Pinned, model: NeuronModel, settings: Settings) -> bool:
    if not kept.compiler_image or (kept.target == model.status.get("target") and _turned_out_unusable(model)):
        return False
    if model.toolchain_asked == newest.toolchain != kept.toolchain:
        return False
    if not kept.digest:  # An operator of before has pinned the generation.
        return kept.generation == model.generation
    return kept.digest == _digest_with(kept.toolchain, newest, model, settings)


def _digest_with(toolchain: str, newest: Pinned, model: NeuronModel, settings: Settings) -> str:
    """The digest with another toolchain than the newest; mostly there is none."""
    if toolchain == newest.toolchain:
        return newest.digest
    return _digest(model, newest.target, toolchain, settings)


def _digest(model: NeuronModel, target: str, toolchain: str, settings: Settings) -> str:
    return digest_of(model.source, target, model.compile, toolchain, origin_of(model.source, settings))


def _serving_image(kept: Pinned, newest: Pinned, settings: Settings) -> str | None:
    """The image to serve with; None where only another toolchain has one of the model's runtime."""
    same_runtime = kept.runtime in ("", newest.runtime)
    if kept.toolchain != newest.toolchain:
        return (kept.serving_image or None) if same_runtime else None
    if same_runtime and kept.serving_image and not settings.roll_servers:
        return kept.serving_image
    return newest.serving_image or (kept.serving_image if same_runtime else "")


def _turned_out_unusable(model: NeuronModel) -> bool:
    return any(
        condition["type"] in (READY, ARTIFACT_READY)
        and condition["status"] == FALSE
        and condition["reason"] in _UNUSABLE
        for condition in model.status.get("conditions") or ()
    )


def _said(pinned: Pinned) -> Object:
    return {
        "target": pinned.target,
        "generation": pinned.generation,
        "toolchain": pinned.toolchain,
        "compilerImage": pinned.compiler_image,
        "servingImage": pinned.serving_image,
        "runtime": pinned.runtime,
        "digest": pinned.digest,
    }
