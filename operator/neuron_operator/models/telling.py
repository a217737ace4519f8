"""What each condition of a NeuronModel tells. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from neuron_operator.api.model import EXTERNAL, HORIZONTAL_POD_AUTOSCALER, UNMAINTAINED
from neuron_operator.artifacts.status import COMPILING_MESSAGE
from neuron_operator.models.serving import autoscaler_condition
from neuron_operator.models.situation import DEGRADED, FAILED, READY, SCALED_TO_ZERO, Situation
from neuron_operator.models.view import answers_differing, judge
from neuron_operator.reading import conditions
from neuron_operator.reading.conditions import FALSE, TRUE, UNKNOWN, Condition
from neuron_operator.reading.troubles import Problem
from neuron_operator.terms import labels
from neuron_operator.terms.reasons import Reason, sentence


def conditions_of(situation: Situation, phase: str, headline: Problem, now: datetime) -> list[Condition]:
    """All conditions; `headline` is what Ready says, and what goes with the phase."""
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
