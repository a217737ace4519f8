"""What a NeuronModel needs next: its artifact, then its servers. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from neuron_operator.api import artifact as phases
from neuron_operator.api.model import NeuronModel
from neuron_operator.api.settings import Settings
from neuron_operator.builders import artifacts, claims, patches
from neuron_operator.builders.deployments import deployment, trespass
from neuron_operator.builders.templates import Served, image_of, restart_of
from neuron_operator.models import deploying, rollouts
from neuron_operator.models.observed import Observed
from neuron_operator.models.pins import newest_pin
from neuron_operator.models.rollouts import Back, Undo
from neuron_operator.models.serving import patience_left, serving_of
from neuron_operator.models.situation import Situation
from neuron_operator.models.status import model_status
from neuron_operator.models.view import ArtifactView, parity_problem, view_of
from neuron_operator.models.wanted import Candidate, choose, image_problem
from neuron_operator.plans.plan import NOTHING, Apply, Ensured, Plan, ensure, soonest
from neuron_operator.reading.conditions import RECONCILING
from neuron_operator.reading.objects import Object, labels_of
from neuron_operator.terms import labels
from neuron_operator.terms.reasons import Reason
from neuron_operator.terms.targets import family_of

_PATIENCE_SECONDS = 5.0


@dataclass(frozen=True)
class _Previous:
    """The artifact that was served when this reconcile began; `image`: by which, empty where unknown."""

    name: str
    digest: str
    revision: str | None
    image: str


def decide(model: NeuronModel, observed: Observed, settings: Settings, now: datetime) -> Plan:
    """The plan for one model."""
    if model.deleting:
        return NOTHING
    views = {name: view_of(obj) for name, obj in observed.artifacts.items()}
    choice = choose(model, settings, observed.offers, now)
    wanted = choice.candidate.wanted
    view = views.get(wanted.name)
    blocked = (
        parity_problem(model.compile.parity, view.parity) if view is not None and view.is_ready else None
    )
    previous = _previous(model, observed.deployment)
    newest = _candidate_served(model, choice.candidate, view, settings)
    undo = rollouts.undo_of(model, newest, views)
    undone = undo.served if undo is not None else None
    to_serve = undone or newest
    serves_wanted = view is not None and view.is_ready and blocked is None
    serves_wanted = serves_wanted or (previous is not None and previous.digest == wanted.digest)
    no_image = image_problem(model, choice.candidate) if undone is None else None
    serves_wanted = undone is not None or (serves_wanted and no_image is None)

    stray = _on_the_wrong_claim(model, observed, view, settings)
    large = patches.too_large("spec.compile.podTemplate", model.compile.pod_template)
    artifact_step = (
        _ensure_artifact(model, observed, choice.candidate, view, settings)
        if stray is None and large is None
        else Ensured()
    )
    refusal = large or trespass(model, to_serve, settings)
    frozen = not serves_wanted or refusal is not None
    back = None if frozen else _back(model, observed, to_serve, views, now)
    served = (
        back.before.served
        if back is not None
        else undone or _served(model, observed, choice.candidate, views, settings, serves_wanted, previous)
    )
    server_steps = deploying.ensure_servers(
        model, observed, served, views, settings, back, now, frozen=frozen, refused=refusal is not None
    )
    changes = [step.apply for step in (artifact_step, *server_steps) if step.apply is not None]
    claim = _claim_to_make(model, observed, settings, view)
    surplus = deploying.surplus(model, observed) if served is not None else ()

    status = model_status(
        Situation(
            model=model,
            choice=choice,
            view=view,
            first_user=observed.first_users.get(wanted.name),
            blocked=blocked,
            no_image=no_image,
            unmet_storage=claims.unmet(model, settings, view.claim, observed.claim) if view else None,
            newest=newest_pin(model, wanted.target, settings),
            served=_served_reference(
                served, previous, _revision(back, undo) if serves_wanted else None, serves_wanted, view
            ),
            served_view=views.get(served.name) if served is not None else None,
            serves_wanted=serves_wanted,
            rolled_back=back.failed if back is not None else None,
            undo=undo,
            deployment=observed.deployment,
            drain=deploying.drain_around(model, observed, observed.deployment, settings)
            if observed.deployment
            else None,
            serving=serving_of(
                observed.deployment,
                observed.pods,
                wanted=model.replicas if model.replicas is not None else 1,
                changing=any(
                    change.obj["kind"] == "Deployment" and change.drifted_at is None for change in changes
                ),
                was_rolling=_was_reconciling(model),
                heard=observed.heard,
                now=now,
            ),
            autoscaler=observed.autoscaler,
        ),
        now,
    )
    rehearsed = not serves_wanted and refusal is None and no_image is None and _asks_much(model)
    return Plan(
        rehearse=(deployment(model, to_serve, settings),) if rehearsed else (),
        refusal=refusal,
        create=() if claim is None else (claim,),
        delete=(*surplus, *(() if stray is None else (stray,))),
        hand_over=deploying.hand_over(observed.deployment, changes)
        or deploying.rescaled(model, observed.deployment, frozen=frozen),
        apply=tuple(changes),
        status=status,
        requeue=soonest(
            *(step.wait for step in (artifact_step, *server_steps)),
            choice.patience,
            _when_positive(patience_left(observed.autoscaler, now)),
            _PATIENCE_SECONDS if _awaits_a_node(status) else None,
        ),
    )


def _back(
    model: NeuronModel, observed: Observed, asked: Served, views: Mapping[str, ArtifactView], now: datetime
) -> Back | None:
    restart, deployment = restart_of(model, observed.deployment), observed.deployment
    return rollouts.back(model, asked, restart, deployment, observed.pods, views, observed.heard, now)


def _candidate_served(
    model: NeuronModel, candidate: Candidate, view: ArtifactView | None, settings: Settings
) -> Served:
    """What the Deployment serves once the wanted artifact is there."""
    wanted = candidate.wanted
    claim = view.claim if view else claims.claim_name(model, settings)
    sha256, size = (view.manifest_sha256, view.bytes) if view else (None, 0)
    image = candidate.pinned.serving_image
    return Served(wanted.name, wanted.digest, wanted.target, claim, image, sha256, size)


def _asks_much(model: NeuronModel) -> bool:
    """Whether the servers' pods hold what only the API server can judge."""
    serving = model.serving
    return bool(serving.pod_template or serving.placement.affinity or serving.topology_spread_constraints)


def _previous(model: NeuronModel, deployment: Object | None) -> _Previous | None:
    """What status says is served; where status was lost, what the Deployment's labels say."""
    said = model.status.get("artifact") or {}
    image = image_of(deployment) if deployment is not None else ""
    if said.get("digest"):
        return _Previous(said["name"], said["digest"], said.get("revision"), said.get("image") or image)
    if deployment is not None and labels.DIGEST in labels_of(deployment):
        named = labels_of(deployment)
        return _Previous(named[labels.ARTIFACT], named[labels.DIGEST], None, image)
    return None


def _on_the_wrong_claim(
    model: NeuronModel, observed: Observed, view: ArtifactView | None, settings: Settings
) -> Object | None:
    """An artifact that has stored nothing yet, on a claim its first user no longer names.

    The claim of an artifact cannot change: it has to go, and is made anew. One with files stays with them.
    """
    if view is None or view.going or view.phase not in (phases.PENDING, phases.FAILED):
        return None
    if observed.first_users.get(view.name) != model.name:
        return None
    return observed.artifacts[view.name] if view.claim != claims.claim_name(model, settings) else None


def _ensure_artifact(
    model: NeuronModel,
    observed: Observed,
    candidate: Candidate,
    view: ArtifactView | None,
    settings: Settings,
) -> Ensured:
    """The artifact exists as this model wants it; one on its way out is waited for (its end wakes the model).

    Models that share an artifact may disagree about resources and time-outs: the oldest decides.
    """
    existing = observed.artifacts.get(candidate.wanted.name)
    if view is not None and view.going:
        return Ensured()
    if existing is not None and observed.first_users.get(candidate.wanted.name) != model.name:
        return Ensured()
    claim = view.claim if view is not None else claims.claim_name(model, settings)
    step = ensure(artifacts.artifact(model, candidate.wanted, claim), existing)
    # The artifact is the model's own wish, not a thing that strays: a change of it is no drift to be
    # announced.
    return Ensured(apply=Apply(step.apply.obj, step.apply.exists)) if step.apply is not None else step


def _claim_to_make(
    model: NeuronModel, observed: Observed, settings: Settings, view: ArtifactView | None
) -> Object | None:
    claim = claims.claim(model, settings)
    if claim is None or observed.claim is not None or (view is not None and view.is_ready):
        return None
    return claim if view is None or view.claim == claim["metadata"]["name"] else None


def _served(
    model: NeuronModel,
    observed: Observed,
    candidate: Candidate,
    views: Mapping[str, ArtifactView],
    settings: Settings,
    serves_wanted: bool,
    previous: _Previous | None,
) -> Served | None:
    """What the Deployment is to serve: the wanted artifact once it has passed, else the previous one."""
    wanted, image = candidate.wanted, candidate.pinned.serving_image
    own_claim = claims.claim_name(model, settings)
    if serves_wanted:
        return _candidate_served(model, candidate, views.get(wanted.name), settings)
    if previous is None:
        return None
    view = views.get(previous.name)
    target = view.target if view else model.target
    # The image that it was served with: the wanted artifact may be of another family, or toolchain.
    image = previous.image or (image if family_of(target) == family_of(wanted.target) else "")
    if observed.deployment is None and not image:
        return None
    found = (view.claim, image, view.manifest_sha256, view.bytes) if view else (own_claim, image)
    return Served(previous.name, previous.digest, target, *found)


def _served_reference(
    served: Served | None,
    previous: _Previous | None,
    earlier: str | None,
    serves_wanted: bool,
    view: ArtifactView | None,
) -> dict[str, Any] | None:
    """`status.artifact`; `earlier`: the revision of what is served instead of what the spec asks for."""
    if served is None:
        return None
    revision = previous.revision if previous is not None and previous.digest == served.digest else None
    if serves_wanted and view is not None and view.name == served.name and view.revision is not None:
        revision = view.revision
    revision = revision or earlier
    reference: dict[str, Any] = {"name": served.name, "digest": served.digest, "image": served.image}
    return reference if revision is None else reference | {"revision": revision}


def _revision(back: Back | None, undo: Undo | None) -> str | None:
    if back is not None:
        return back.before.revision
    return undo.revision if undo is not None else None


def _awaits_a_node(status: Object) -> bool:
    return any(c["reason"] == Reason.NODE_STARTING.value for c in status["conditions"])


def _when_positive(seconds: float) -> float | None:
    return seconds if seconds > 0 else None


def _was_reconciling(model: NeuronModel) -> bool:
    return any(
        condition["type"] == RECONCILING and condition["status"] == "True"
        for condition in model.status.get("conditions") or ()
    )
