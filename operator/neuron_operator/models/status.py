"""The status of a NeuronModel: phase and conditions from one situation. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from neuron_operator.api import artifact as artifact_phases
from neuron_operator.api.model import NeuronModel
from neuron_operator.builders.templates import image_of
from neuron_operator.models import rollouts
from neuron_operator.models.pins import status_of_pins
from neuron_operator.models.situation import (
    COMPILING,
    DEGRADED,
    DEPLOYING,
    FAILED,
    PENDING,
    READY,
    SCALED_TO_ZERO,
    VERIFYING,
    Situation,
)
from neuron_operator.models.telling import conditions_of
from neuron_operator.reading import conditions
from neuron_operator.reading.conditions import FALSE, TRUE, Condition
from neuron_operator.reading.objects import Object, condition_in, labels_of
from neuron_operator.reading.troubles import Problem
from neuron_operator.terms import labels, names
from neuron_operator.terms.reasons import Reason, sentence


def model_status(situation: Situation, now: datetime) -> Object:
    """The whole status."""
    model, wanted, serving = situation.model, situation.choice.candidate.wanted, situation.serving
    phase, headline = _phase(situation)
    status: Object = {
        "phase": phase,
        "observedGeneration": model.generation,
        "target": wanted.target,
        "autoscaling": model.autoscaling.type,
        "pinned": status_of_pins(situation.choice.candidate.pinned, situation.choice.others),
        "conditions": conditions.merge(
            model.status.get("conditions") or (),
            conditions_of(situation, phase, headline, now),
            generation=model.generation,
            now=now,
        ),
    }
    if situation.served is not None:
        status |= {
            "artifact": dict(situation.served),
            "replicas": serving.there,
            "readyReplicas": serving.ready,
            "selector": labels.selector_text(labels.server_selector(model.name)),
            "url": names.url(model.name, model.namespace),
        }
    if not situation.serves_wanted:
        status["preparing"] = {"name": wanted.name, "digest": wanted.digest}
    same = situation.served is not None and _digest(situation.served) == _digest(model.status.get("artifact"))
    goes_back = situation.rolled_back is not None or situation.undone
    source = situation.served_view if goes_back else situation.view
    for measured in ("backend", "parity", "benchmark"):
        value = getattr(source, measured, None) or (model.status.get(measured) if same else None)
        if value:
            status[measured] = dict(value)
    history = _history(situation, now)
    if history:
        status["history"] = history
    if situation.rolled_back is not None:
        status["rolledBack"] = dict(situation.rolled_back)
    if situation.view is not None and situation.view.progress and not situation.view.is_ready:
        status["progress"] = dict(situation.view.progress)
    return status


def _history(situation: Situation, now: datetime) -> Sequence[Mapping[str, Any]]:
    model, served, deployment = situation.model, situation.served, situation.deployment
    if served is None or deployment is None or not situation.serves_wholly:
        return model.history
    if (
        labels_of(deployment).get(labels.DIGEST) != served["digest"]
        or image_of(deployment) != served["image"]
    ):
        return model.history
    return rollouts.history(model, served, deployment, situation.served_view, now)


def _digest(artifact: Mapping[str, Any] | None) -> object:
    return (artifact or {}).get("digest")


def _phase(situation: Situation) -> tuple[str, Problem]:
    """The phase, with the reason and message of the condition Ready."""
    if situation.served is None:
        return _phase_before_serving(situation)
    serving, problem = situation.serving, situation.artifact_problem
    if serving.wanted == 0 and situation.serves_wanted and situation.rolled_back is None:
        text = f"No server is wanted. {Reason.SCALED_TO_ZERO.advice}"
        return SCALED_TO_ZERO, _said(Reason.SCALED_TO_ZERO, text)
    if not serving.answers and serving.wanted > 0:
        if serving.problem is not None:
            return FAILED if serving.crashing else DEPLOYING, serving.problem
        return DEPLOYING, _said(Reason.DEPLOYING, "The servers are starting.")
    if situation.rolled_back is not None:
        return DEGRADED, _gone_back(situation, situation.rolled_back)
    if situation.artifact_failed and problem is not None and not situation.undone:
        before = "What was served before still is" if serving.answers else "No server is wanted"
        message = f"{before}; what the spec asks for now cannot be served: {problem.message}"
        return DEGRADED, _said(Reason.SERVING_PREVIOUS_ARTIFACT, message)
    if not situation.serves_wanted:
        before = "The previous artifact is served" if serving.answers else "No server is wanted"
        message = f"{before} while the new one is prepared."
        if problem is not None:
            message = f"{message} {problem.message}"
        return _preparing(situation), _said(Reason.SERVING_PREVIOUS_ARTIFACT, message)
    if serving.problem is not None:
        message = f"Some servers answer, but not all: {serving.problem.message}"
        return DEGRADED, _said(Reason.SERVING_WITH_FEWER_REPLICAS, message)
    if serving.rolling:
        return DEPLOYING, _said(Reason.SERVING, "The model answers; the servers are being replaced.")
    if situation.undone and situation.undo is not None:
        return READY, _said(Reason.UNDONE, situation.undo.condition.message)
    return READY, _said(Reason.SERVING, f"The model answers at {_url(situation)}.")


def _gone_back(situation: Situation, failed: Mapping[str, Any]) -> Problem:
    """What has failed, and why, beside what serves."""
    served = situation.served or {}
    before = "What was served before still is" if situation.serving.answers else "No server is wanted"
    what = "with what else the spec asks for now"
    if failed.get("image") != served.get("image"):
        what = f"of the image {failed.get('image')}"
    if failed.get("digest") != served.get("digest"):
        what = f"of the artifact {failed.get('artifact')} (digest {failed.get('digest')})"
    text = f"{before}; the servers {what} did not become ready: {failed.get('message')}"
    return _said(Reason.ROLLED_BACK, sentence(Reason.ROLLED_BACK, text))


def _preparing(situation: Situation) -> str:
    """What is done to the wanted artifact: it is compiled, or checked on the accelerator."""
    view = situation.view
    return VERIFYING if view is not None and view.phase == artifact_phases.VERIFYING else COMPILING


def _phase_before_serving(situation: Situation) -> tuple[str, Problem]:
    problem = situation.artifact_problem
    if situation.artifact_failed and problem is not None:
        return FAILED, problem
    if _preparing(situation) == VERIFYING and situation.view is not None:
        return VERIFYING, situation.view.said
    waits = situation.view is not None and (
        situation.view.going or situation.view.said.reason is not Reason.COMPILING
    )
    if waits and situation.view is not None and situation.view.phase != artifact_phases.COMPILING:
        return PENDING, problem or situation.view.said
    return COMPILING, problem or _said(Reason.COMPILING, "The artifact is being compiled.")


def outdated_image(status: Object) -> str | None:
    """The reason why the servers run another image than the chart's, None where they don't."""
    condition = condition_in(status, conditions.IMAGE_OUTDATED)
    return None if condition is None else str(condition["reason"])


def refused(model: NeuronModel, status: Object, message: str, now: datetime) -> Object:
    """The status of a model one of whose objects the API server does not accept; all else in it stands."""
    served = status.get("artifact") is not None and status.get("readyReplicas", 0) > 0
    before = model.status.get("conditions") or ()
    generation = min(
        (
            int(c["observedGeneration"])
            for c in before
            if c["type"] == conditions.READY and c["status"] == TRUE
        ),
        default=model.generation - 1,
    )
    reason = Reason.SPEC_REJECTED
    new = [
        Condition(
            conditions.READY, TRUE if served else FALSE, reason, message, generation if served else None
        ),
        Condition(conditions.UP_TO_DATE, FALSE, reason, message),
        *conditions.rest(reconciling=False, stalled=True, reason=reason, message=message),
    ]
    replaced = {condition.type for condition in new}
    others = [condition for condition in status["conditions"] if condition["type"] not in replaced]
    merged = conditions.merge(before, new, generation=model.generation, now=now)
    return {**status, "phase": DEGRADED if served else FAILED, "conditions": merged + others}


def _said(reason: Reason, message: str) -> Problem:
    return Problem(reason, message)


def _url(situation: Situation) -> str:
    return names.url(situation.model.name, situation.model.namespace)
