"""The compile stage: one Job, and a ladder of memory for a compiler that runs out of it. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from neuron_operator.api import artifact as phases
from neuron_operator.api.artifact import NeuronArtifact
from neuron_operator.api.settings import Settings
from neuron_operator.artifacts.ceiling import Ceiling, ceiling_of
from neuron_operator.artifacts.history import History, history_of, larger, next_rung, with_failure
from neuron_operator.artifacts.measured import measure_anew
from neuron_operator.artifacts.observed import Observed
from neuron_operator.artifacts.outcome import Failed
from neuron_operator.artifacts.stage import (
    Finished,
    Stage,
    Step,
    advance,
    afresh,
    after_failure,
    at_work,
    rest_left,
    standing,
    wants_retry,
)
from neuron_operator.artifacts.status import (
    COMPILING_MESSAGE,
    NEEDED,
    State,
    kept_results,
    last_problem,
    published,
    results_of,
)
from neuron_operator.artifacts.verifying import verify_anew
from neuron_operator.builders.claims import claim_of_artifact
from neuron_operator.builders.jobs import compile_job, compile_memory
from neuron_operator.terms import labels
from neuron_operator.terms.reasons import Reason, sentence
from neuron_operator.terms.targets import family_of


def compile_(artifact: NeuronArtifact, observed: Observed, settings: Settings, now: datetime) -> Step:
    """Bring the artifact closer to being published."""
    base = compile_memory(artifact, settings)
    remembered = history_of(artifact)
    history = replace(remembered, memory=larger(base, remembered.memory))
    stage = Stage(
        container=labels.COMPILE,
        desired=compile_job(artifact, settings, memory=history.memory if history.memory != base else None),
        job=observed.compile_job,
        pods=observed.compile_pods,
        heard=observed.heard,
        state=at_work(
            artifact,
            State(phases.COMPILING, Reason.COMPILING, COMPILING_MESSAGE, _published(artifact), history),
        ),
    )
    if (rest := rest_left(artifact, observed, observed.compile_job, now)) > 0:
        return Step(standing(artifact), requeue=rest)
    if observed.compile_job is None:
        top = ceiling_of(stage.desired, settings)
        again = wants_retry(artifact, observed) or _may_climb(artifact, history, top)
        if artifact.phase == phases.FAILED and not again:
            return Step(standing(artifact))
        if not artifact.image:
            return Step(_without_image(artifact))
    step = afresh(stage, artifact, observed) or advance(stage, artifact, now)
    if isinstance(step, Step):
        return _with_claim(step, observed, artifact, settings)
    return _finished(stage, step, artifact, observed, settings, now)


def _published(artifact: NeuronArtifact) -> Mapping[str, Any]:
    """What stands of an artifact that was published before: its servers are held to the manifest in it."""
    return kept_results(artifact.status) if artifact.manifest_sha256 else {}


def _finished(
    stage: Stage,
    finished: Finished,
    artifact: NeuronArtifact,
    observed: Observed,
    settings: Settings,
    now: datetime,
) -> Step:
    if isinstance(finished.outcome, Failed):
        failed = finished.outcome
        if failed.problem.reason is Reason.COMPILER_OUT_OF_MEMORY and not stage.outdated:
            return _after_running_out_of_memory(stage, artifact, failed, settings, now)
        return after_failure(stage, artifact, failed, now)
    report = finished.outcome.report
    results = results_of(report, finished.outcome.ended_at)
    history = History(memory=stage.state.history.memory)
    if results.get("verification") == NEEDED:
        return verify_anew(artifact, observed, settings, now, results=results, history=history)
    unmeasured = measure_anew(stage, artifact, results, history)
    return unmeasured or Step(published(artifact, results, history, report.get("notApplied") or ()))


def _after_running_out_of_memory(
    stage: Stage, artifact: NeuronArtifact, failed: Failed, settings: Settings, now: datetime
) -> Step:
    """The next rung of the ladder; at its top the failure stands."""
    assert stage.job is not None
    memory = stage.state.history.memory
    top = ceiling_of(stage.desired, settings)
    more = next_rung(memory, top.memory)
    if more is None:
        step = after_failure(stage, artifact, failed, now)
        return replace(step, state=replace(step.state, message=_at_the_top(step.state, memory, top)))
    history = replace(with_failure(stage.state.history, failed, heals=False), memory=more)
    message = f"The compiler needs more than {memory} of memory; it is tried again with {more}."
    return Step(stage.retrying(message, history), delete=(stage.job,))


def _at_the_top(state: State, memory: str | None, top: Ceiling) -> str:
    if memory is None:
        return state.message
    return f"The compiler needs more than {memory} of memory, and {top.words}"


def _may_climb(artifact: NeuronArtifact, history: History, top: Ceiling) -> bool:
    """Whether more memory is allowed by now than when the compiler last ran out of it."""
    said = last_problem(artifact.status)
    if said is None or said.reason is not Reason.COMPILER_OUT_OF_MEMORY:
        return False
    return next_rung(history.memory, top.memory) is not None


def _with_claim(step: Step, observed: Observed, artifact: NeuronArtifact, settings: Settings) -> Step:
    """An artifact that names no claim gets the namespace's own, as a NeuronModel does."""
    if observed.claim is not None or "claimName" in observed.body["spec"] or not step.apply:
        return step
    claim = claim_of_artifact(artifact, settings)
    return step if claim is None else replace(step, create=(claim,))


def _without_image(artifact: NeuronArtifact) -> State:
    reason, family = Reason.IMAGE_NOT_CONFIGURED, family_of(artifact.target)
    text = f"No compiler image is configured for {artifact.target} (images.compiler.{family})"
    return State(phases.FAILED, reason, sentence(reason, text))
