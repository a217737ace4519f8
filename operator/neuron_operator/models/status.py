"""The status of a NeuronModel: phase and conditions from one situation. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from neuron_operator.api import artifact as artifact_phases
from neuron_operator.api.model import NeuronModel
from neuron_operator.artifacts.status import COMPILING_MESSAGE
from neuron_operator.models.serving import Serving, autoscaler_condition
from neuron_operator.models.view import ArtifactView, answers_differing, judge
from neuron_operator.models.wanted import Choice
from neuron_operator.reading import conditions
from neuron_operator.reading.conditions import FALSE, TRUE, UNKNOWN, Condition
from neuron_operator.reading.objects import Object
from neuron_operator.reading.troubles import Problem
from neuron_operator.terms import labels, names
from neuron_operator.terms.reasons import Reason

PENDING = "Pending"
COMPILING = "Compiling"
VERIFYING = "Verifying"
DEPLOYING = "Deploying"
READY = "Ready"
DEGRADED = "Degraded"
FAILED = "Failed"


@dataclass(frozen=True)
class Situation:
    """Everything status is made of.

    `view`: the wanted artifact; `first_user`: the model that decides on its resources, if known;
    `blocked`: what parity has against it; `no_image`: why no server can run; `served`: status.artifact,
    None at first.
    """

    model: NeuronModel
    choice: Choice
    view: ArtifactView | None
    first_user: str | None
    blocked: Problem | None
    no_image: Problem | None
    served: Mapping[str, Any] | None
    serves_wanted: bool
    serving: Serving
    autoscaler: Object | None

    @property
    def artifact_problem(self) -> Problem | None:
        """Why the wanted artifact is not served, None while all goes well."""
        if self.no_image is not None or self.blocked is not None:
            return self.no_image or self.blocked
        if self.view is None or self.view.is_ready or self.view.said.reason is Reason.COMPILING:
            return None
        return self.view.said

    @property
    def artifact_failed(self) -> bool:
        """The wanted artifact will not be served unless somebody acts."""
        hindered = self.no_image is not None or self.blocked is not None
        return hindered or (self.view is not None and self.view.has_failed)


def model_status(situation: Situation, now: datetime) -> Object:
    """The whole status."""
    model, wanted, serving = situation.model, situation.choice.candidate.wanted, situation.serving
    pinned = situation.choice.candidate.pinned
    phase, headline = _phase(situation)
    status: Object = {
        "phase": phase,
        "observedGeneration": model.generation,
        "target": wanted.target,
        "pinned": {
            "generation": pinned.generation,
            "toolchain": pinned.toolchain,
            "compilerImage": pinned.compiler_image,
            "servingImage": pinned.serving_image,
        },
        "conditions": conditions.merge(
            model.status.get("conditions") or (),
            _conditions(situation, phase, headline, now),
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
    for measured in ("backend", "parity", "benchmark"):
        value = getattr(situation.view, measured, None) or (model.status.get(measured) if same else None)
        if value:
            status[measured] = dict(value)
    if situation.view is not None and situation.view.progress and not situation.view.is_ready:
        status["progress"] = dict(situation.view.progress)
    return status


def _digest(artifact: Mapping[str, Any] | None) -> object:
    return (artifact or {}).get("digest")


def _phase(situation: Situation) -> tuple[str, Problem]:
    """The phase, with the reason and message of the condition Ready."""
    if situation.served is None:
        return _phase_before_serving(situation)
    serving, problem = situation.serving, situation.artifact_problem
    if serving.wanted == 0:
        return PENDING, _said(Reason.SCALED_TO_ZERO, f"No server is wanted. {Reason.SCALED_TO_ZERO.advice}")
    if not serving.answers:
        if serving.problem is not None:
            return FAILED if serving.crashing else DEPLOYING, serving.problem
        return DEPLOYING, _said(Reason.DEPLOYING, "The servers are starting.")
    if situation.artifact_failed and problem is not None:
        message = f"What was served before still is; what the spec asks for now cannot be: {problem.message}"
        return DEGRADED, _said(Reason.SERVING_PREVIOUS_ARTIFACT, message)
    if not situation.serves_wanted:
        message = "The previous artifact is served while the new one is prepared."
        if problem is not None:
            message = f"{message} {problem.message}"
        return _preparing(situation), _said(Reason.SERVING_PREVIOUS_ARTIFACT, message)
    if serving.problem is not None:
        message = f"Some servers answer, but not all: {serving.problem.message}"
        return DEGRADED, _said(Reason.SERVING_WITH_FEWER_REPLICAS, message)
    if serving.rolling:
        return DEPLOYING, _said(Reason.SERVING, "The model answers; the servers are being replaced.")
    return READY, _said(Reason.SERVING, f"The model answers at {_url(situation)}.")


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


def _conditions(situation: Situation, phase: str, headline: Problem, now: datetime) -> list[Condition]:
    answers = situation.served is not None and situation.serving.answers
    ready = TRUE if answers and situation.serving.wanted > 0 else FALSE
    progressing = phase in (COMPILING, VERIFYING, DEPLOYING) or (
        phase == PENDING and situation.served is None
    )
    found = [
        Condition(conditions.READY, ready, headline.reason, headline.message),
        _artifact_condition(situation),
        _parity_condition(situation),
        _benchmark_condition(situation),
        _serving_condition(situation),
        Condition(
            conditions.PROGRESSING,
            TRUE if progressing else FALSE,
            headline.reason if phase != READY else Reason.SETTLED,
            headline.message if phase != READY else "Everything is as it is wanted.",
        ),
    ]
    if situation.model.autoscaling is not None and situation.served is not None:
        found.append(autoscaler_condition(situation.autoscaler, now))
    if situation.choice.condition is not None:
        found.append(situation.choice.condition)
    return found


def _artifact_condition(situation: Situation) -> Condition:
    view = situation.view
    if view is None:
        return Condition(conditions.ARTIFACT_READY, FALSE, Reason.COMPILING, COMPILING_MESSAGE)
    if view.going:
        reason = Reason.ARTIFACT_BEING_COLLECTED
        message = f"The artifact {view.name} is just being removed; it is made anew afterwards."
        return Condition(conditions.ARTIFACT_READY, FALSE, reason, message)
    status, message = TRUE if view.is_ready else FALSE, view.said.message
    if not view.is_ready and situation.first_user not in (None, situation.model.name):
        message += f" NeuronModel {situation.first_user}, its oldest user, decides on its resources."
    return Condition(conditions.ARTIFACT_READY, status, view.said.reason, message)


def _parity_condition(situation: Situation) -> Condition:
    type_, view, parity = conditions.PARITY_VERIFIED, situation.view, situation.model.compile.parity
    if view is None or (not view.is_ready and view.parity is None):
        return Condition(type_, UNKNOWN, Reason.WAITING_FOR_ARTIFACT, "The artifact is not there yet.")
    if situation.blocked is not None:
        return Condition(type_, FALSE, situation.blocked.reason, situation.blocked.message)
    if view.parity is None:
        return Condition(
            type_, UNKNOWN, Reason.NOT_MEASURED, "The parity policy is Skip: nothing was measured."
        )
    passed, value, tolerance = judge(parity, view.parity)
    numbers = f"{parity.metric} {value:.3g}" if value is not None else parity.metric
    allowed = f" of {tolerance:.3g} allowed" if tolerance is not None else ""
    differing = answers_differing(parity, view.parity)
    if passed and differing is not None:
        text = f"{differing}. The policy is {parity.policy}."
        return Condition(type_, FALSE, Reason.ANSWERS_DIFFER, text)
    if passed:
        return Condition(type_, TRUE, Reason.PASSED, f"{numbers}{allowed}.{_compared(view.parity)}")
    return Condition(
        type_, FALSE, Reason.OUTSIDE_TOLERANCE, f"{numbers}{allowed}; the policy is {parity.policy}."
    )


def _compared(parity: Mapping[str, Any]) -> str:
    answers = parity.get("answers")
    if not answers or not answers.get("compared"):
        return ""
    return f" {answers['compared']} answers are those of {answers['library']}."


def _benchmark_condition(situation: Situation) -> Condition:
    type_, view = conditions.BENCHMARK_COMPLETED, situation.view
    if view is None or not view.is_ready:
        return Condition(type_, UNKNOWN, Reason.WAITING_FOR_ARTIFACT, "The artifact is not there yet.")
    if not view.benchmark:
        return Condition(
            type_, FALSE, Reason.NOT_MEASURED, "No benchmark was asked for when it was compiled."
        )
    p50, throughput = view.benchmark.get("p50Milliseconds"), view.benchmark.get("throughputPerSecond")
    message = f"p50 {p50} ms, {throughput} per second in bucket {view.benchmark.get('bucket')}."
    return Condition(type_, TRUE, Reason.MEASURED, message)


def _serving_condition(situation: Situation) -> Condition:
    type_, serving = conditions.SERVING_READY, situation.serving
    if situation.served is None and situation.no_image is not None:
        return Condition(type_, FALSE, situation.no_image.reason, situation.no_image.message)
    if situation.served is None:
        return Condition(type_, FALSE, Reason.WAITING_FOR_ARTIFACT, "The artifact is not there yet.")
    if serving.wanted == 0:
        return Condition(type_, FALSE, Reason.SCALED_TO_ZERO, "No server is wanted.")
    if serving.problem is not None:
        status = TRUE if serving.answers else FALSE
        return Condition(type_, status, serving.problem.reason, serving.problem.message)
    if not serving.answers:
        return Condition(type_, FALSE, Reason.DEPLOYING, "The servers are starting.")
    return Condition(type_, TRUE, Reason.SERVING, "Servers answer.")


def _said(reason: Reason, message: str) -> Problem:
    return Problem(reason, message)


def _url(situation: Situation) -> str:
    return names.url(situation.model.name, situation.model.namespace)
