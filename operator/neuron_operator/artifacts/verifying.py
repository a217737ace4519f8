"""The verify stage: an artifact compiled on an ordinary node is checked on the accelerator. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from neuron_operator.api import artifact as phases
from neuron_operator.api.artifact import NeuronArtifact
from neuron_operator.api.settings import Settings
from neuron_operator.artifacts.history import History, history_of
from neuron_operator.artifacts.measured import measure_anew
from neuron_operator.artifacts.observed import Observed
from neuron_operator.artifacts.outcome import Failed
from neuron_operator.artifacts.stage import (
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
    VERIFYING_MESSAGE,
    State,
    kept_results,
    published,
    results_of,
)
from neuron_operator.builders.jobs import verify_job
from neuron_operator.terms import labels
from neuron_operator.terms.reasons import Reason


def verify_anew(
    artifact: NeuronArtifact,
    observed: Observed,
    settings: Settings,
    now: datetime,
    *,
    results: Mapping[str, Any],
    history: History,
) -> Step:
    """The first step after a compile; `results` are what it reported."""
    state = State(phases.VERIFYING, Reason.VERIFYING, VERIFYING_MESSAGE, results, history)
    return _run(artifact, observed, settings, now, state)


def verify(artifact: NeuronArtifact, observed: Observed, settings: Settings, now: datetime) -> Step:
    """Bring an artifact that is compiled closer to being verified; nothing is compiled again."""
    if (
        observed.verify_job is None
        and artifact.phase == phases.FAILED
        and not wants_retry(artifact, observed)
    ):
        return Step(standing(artifact))
    if (rest := rest_left(artifact, observed, observed.verify_job, now)) > 0:
        return Step(standing(artifact), requeue=rest)
    state = at_work(
        artifact,
        State(
            phases.VERIFYING,
            Reason.VERIFYING,
            VERIFYING_MESSAGE,
            kept_results(artifact.status),
            history_of(artifact),
        ),
    )
    return _run(artifact, observed, settings, now, state)


def _run(
    artifact: NeuronArtifact, observed: Observed, settings: Settings, now: datetime, state: State
) -> Step:
    found = state.results
    compiled = replace(
        artifact,
        manifest_sha256=found.get("manifestSha256"),
        size_bytes=int(found.get("sizeBytes") or 0),
    )
    stage = Stage(
        container=labels.VERIFY,
        desired=verify_job(compiled, settings),
        job=observed.verify_job,
        pods=observed.verify_pods,
        heard=observed.heard,
        state=state,
    )
    step = afresh(stage, artifact, observed) or advance(stage, artifact, now)
    if isinstance(step, Step):
        return step
    if isinstance(step.outcome, Failed):
        return after_failure(stage, artifact, step.outcome, now)
    results = {
        **state.results,
        **results_of(step.outcome.report, step.outcome.ended_at),
        "verification": "Done",
    }
    history = History(memory=state.history.memory)
    unmeasured = measure_anew(stage, artifact, results, history)
    return unmeasured or Step(published(artifact, results, history))
