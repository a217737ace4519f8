"""The status of a NeuronModel: phase and conditions from one situation. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from neuron_operator.api import artifact as artifact_phases
from neuron_operator.api.model import EXTERNAL, HORIZONTAL_POD_AUTOSCALER, UNMAINTAINED, NeuronModel, Pinned
from neuron_operator.artifacts.status import COMPILING_MESSAGE
from neuron_operator.builders.templates import image_of
from neuron_operator.models import rollouts
from neuron_operator.models.draining import Drain
from neuron_operator.models.pins import status_of_pins
from neuron_operator.models.rollouts import Undo
from neuron_operator.models.serving import Serving, autoscaler_condition
from neuron_operator.models.view import ArtifactView, answers_differing, judge
from neuron_operator.models.wanted import Choice
from neuron_operator.reading import conditions
from neuron_operator.reading.conditions import FALSE, TRUE, UNKNOWN, Condition
from neuron_operator.reading.objects import Object, condition_in, labels_of
from neuron_operator.reading.troubles import Problem
from neuron_operator.terms import labels, names
from neuron_operator.terms.reasons import Reason, may_heal, sentence

PENDING = "Pending"
COMPILING = "Compiling"
VERIFYING = "Verifying"
DEPLOYING = "Deploying"
READY = "Ready"
SCALED_TO_ZERO = "ScaledToZero"
DEGRADED = "Degraded"
FAILED = "Failed"


@dataclass(frozen=True)
class Situation:
    """Everything status is made of.

    `view`: the wanted artifact; `first_user`: the model that decides on its resources, if known;
    `blocked`: what parity has against it; `unmet_storage`: what of spec.storage has no effect;
    `no_image`: why no server can run; `newest`: what the chart names by now; `served`: status.artifact, None
    at first; `served_view`: the artifact that is served; `rolled_back`: what has not become Ready, where what
    served before still does; `undo`: what is served on request; `deployment`: as it was observed;
    `drain`: whether its node is drained.
    """

    model: NeuronModel
    choice: Choice
    view: ArtifactView | None
    first_user: str | None
    blocked: Problem | None
    no_image: Problem | None
    unmet_storage: str | None
    newest: Pinned
    served: Mapping[str, Any] | None
    served_view: ArtifactView | None
    serves_wanted: bool
    rolled_back: Mapping[str, Any] | None
    undo: Undo | None
    deployment: Object | None
    drain: Drain | None
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

    @property
    def stalled(self) -> bool:
        """Nothing goes on unless somebody acts."""
        if self.rolled_back is not None or (self.served is not None and self.serving.crashing):
            return True
        if self.undone:
            return False
        hindered = self.no_image is not None or self.blocked is not None
        given_up = self.view is not None and self.view.has_failed and not may_heal(self.view.said.reason)
        return hindered or given_up

    @property
    def undone(self) -> bool:
        """An earlier artifact is served on request."""
        return self.undo is not None and self.undo.served is not None

    @property
    def serves_wholly(self) -> bool:
        """Every server is of the newest template and Ready."""
        serving = self.serving
        return serving.wanted > 0 and serving.ready >= serving.wanted and not serving.rolling

    @property
    def up_to_date(self) -> bool:
        """What the newest spec asks for is what serves, wholly; or would, were any server wanted."""
        if self.served is None or not self.serves_wanted or self.undone or self.rolled_back is not None:
            return False
        return self.serving.wanted == 0 or (self.serving.answers and not self.serving.rolling)


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


def _conditions(situation: Situation, phase: str, headline: Problem, now: datetime) -> list[Condition]:
    answers = situation.served is not None and situation.serving.answers
    idle = situation.served is not None and situation.serving.wanted == 0
    ready = TRUE if answers or idle else FALSE
    stalled = situation.stalled and phase in (FAILED, DEGRADED)
    found = [
        Condition(
            conditions.READY, ready, headline.reason, headline.message, _ready_generation(situation, ready)
        ),
        _up_to_date_condition(situation, headline),
        *conditions.rest(
            reconciling=not stalled and phase not in (READY, SCALED_TO_ZERO),
            stalled=stalled,
            reason=headline.reason,
            message=headline.message,
        ),
        _artifact_condition(situation),
        _parity_condition(situation),
        _benchmark_condition(situation),
        _serving_condition(situation),
    ]
    if situation.served is not None:
        found.append(_autoscaler_condition(situation, now))
    if situation.choice.condition is not None:
        found.append(situation.choice.condition)
    if situation.undo is not None:
        found.append(situation.undo.condition)
    further = (_image_condition(situation), _runtime_condition(situation))
    return [*found, *(each for each in further if each is not None)]


def _runtime_condition(situation: Situation) -> Condition | None:
    """RuntimeMaintained, where the model asks for a server that nobody mends any more."""
    if situation.model.serving.runtime not in UNMAINTAINED:
        return None
    reason = Reason.RUNTIME_UNMAINTAINED
    text = f"{situation.model.serving.runtime} is archived by its authors and gets no security fixes any more"
    return Condition(conditions.RUNTIME_MAINTAINED, FALSE, reason, sentence(reason, text))


def outdated_image(status: Object) -> str | None:
    """The reason why the servers run another image than the chart's, None where they don't."""
    condition = condition_in(status, conditions.IMAGE_OUTDATED)
    return None if condition is None else str(condition["reason"])


def _image_condition(situation: Situation) -> Condition | None:
    """ImageOutdated, where the servers are to run another image than the chart's."""
    pinned, newest = situation.choice.candidate.pinned, situation.newest
    goes_back = situation.rolled_back is not None or situation.undone
    running = (situation.served or {}).get("image") if goes_back else pinned.serving_image
    if newest.serving_image in ("", running):
        return None
    text = f"The servers run {running}, the chart names {newest.serving_image}."
    if goes_back:
        reason = Reason.UNDONE if situation.rolled_back is None else Reason.ROLLED_BACK
        return Condition(conditions.IMAGE_OUTDATED, TRUE, reason, sentence(reason, text))
    if newest.toolchain == pinned.toolchain:
        reason = Reason.ROLL_HELD_BACK
        return Condition(conditions.IMAGE_OUTDATED, TRUE, reason, sentence(reason, text))
    message = (
        f"{text} The artifact was compiled with {pinned.toolchain}: to compile it anew, set the annotation "
        f"{labels.TOOLCHAIN} to {newest.toolchain}."
    )
    return Condition(conditions.IMAGE_OUTDATED, TRUE, Reason.TOOLCHAIN_KEPT, message)


def _autoscaler_condition(situation: Situation, now: datetime) -> Condition:
    """Who decides on the number of servers, and whether that works."""
    model = situation.model
    if model.autoscaling.type == HORIZONTAL_POD_AUTOSCALER:
        return autoscaler_condition(situation.autoscaler, now)
    if model.autoscaling.type == EXTERNAL:
        text = "Somebody else decides on the number of servers (spec.autoscaling.type is External)."
        return Condition(conditions.AUTOSCALER_READY, UNKNOWN, Reason.SCALED_EXTERNALLY, text)
    text = sentence(
        Reason.REPLICAS_FIXED, f"spec.replicas says {model.replicas}: nothing else scales the model"
    )
    return Condition(conditions.AUTOSCALER_READY, FALSE, Reason.REPLICAS_FIXED, text)


def _ready_generation(situation: Situation, ready: str) -> int:
    """The generation of the spec that Ready is said of: the one whose servers answer.

    While the previous revision serves, Ready is True of an older generation, and `kubectl wait` (which
    compares it with the object's) goes on waiting for the new one.
    """
    model = situation.model
    if ready != TRUE or situation.up_to_date:
        return model.generation
    for condition in model.status.get("conditions") or ():
        if condition["type"] == conditions.READY and condition["status"] == TRUE:
            return min(int(condition.get("observedGeneration", 0)), model.generation)
    return model.generation - 1


def _up_to_date_condition(situation: Situation, headline: Problem) -> Condition:
    type_ = conditions.UP_TO_DATE
    if situation.up_to_date:
        return Condition(type_, TRUE, Reason.SETTLED, "What the spec asks for is what serves.")
    return Condition(type_, FALSE, headline.reason, headline.message)


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
    if situation.unmet_storage is not None:
        message += f" {situation.unmet_storage}"
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
    node = situation.drain.node if situation.drain is not None else None
    if serving.problem is not None:
        status = TRUE if serving.answers else FALSE
        message = f"{serving.problem.message}{_held(situation)}"
        return Condition(type_, status, serving.problem.reason, message)
    if node is not None and serving.answers:
        text = f"The node {node} is cordoned: the server there goes once its successor is Ready elsewhere."
        return Condition(type_, TRUE, Reason.MOVING, text)
    if not serving.answers:
        return Condition(type_, FALSE, Reason.DEPLOYING, "The servers are starting.")
    return Condition(type_, TRUE, Reason.SERVING, "Servers answer.")


def _held(situation: Situation) -> str:
    """What the problem means for a drain of the node that the only server is on."""
    drain = situation.drain
    if drain is None or drain.node is None:
        return ""
    if drain.holds:
        return (
            f" The node {drain.node} is cordoned, and no other takes the successor of the only server: a "
            "drain waits for it, at most for spec.rollout.progressDeadlineSeconds."
        )
    return f" A drain of the node {drain.node} is no longer held: the only server may go first."


def _said(reason: Reason, message: str) -> Problem:
    return Problem(reason, message)


def _url(situation: Situation) -> str:
    return names.url(situation.model.name, situation.model.namespace)
