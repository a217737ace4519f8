"""One NeuronArtifact with its compile Job, for tests of what becomes of it."""

from typing import Any

from neuron_operator.api.artifact import NeuronArtifact, parse_artifact
from neuron_operator.artifacts.decide import decide
from neuron_operator.artifacts.observed import Observed
from neuron_operator.builders.jobs import compile_job
from neuron_operator.plans.plan import Plan
from neuron_operator.reading.objects import Object, format_time
from unit.operator.worlds import (
    NOW,
    REPORT,
    SETTINGS,
    artifact,
    artifact_body,
    at,
    condition,
    ended,
    pod,
    stored,
)

JOB_UID = "uid-Job-gpt2-0123456789-compile"
UNSCHEDULABLE = condition(
    "PodScheduled", "False", "Unschedulable", "0/1 nodes are available: 1 Insufficient cpu.", age=60
)


def observed(**changes: Any) -> Observed:
    """One user, and nothing made yet."""
    world: dict[str, Any] = {
        "body": artifact_body(),
        "compile_job": None,
        "collect_job": None,
        "compile_pods": (),
        "collect_pods": (),
        "users": ["gpt2"],
    }
    return Observed(**(world | changes))


def made_job(of: NeuronArtifact | None = None, **status: Any) -> Object:
    """The compile Job as it was made for the artifact."""
    return stored(compile_job(of or artifact(), SETTINGS), **status)


def failed_job(age: float = 1, reason: str = "PodFailurePolicy", of: NeuronArtifact | None = None) -> Object:
    return made_job(of, conditions=[condition("Failed", reason=reason, age=age)])


def ready_status(**changes: Any) -> Object:
    """The status of a published artifact."""
    world = observed(
        compile_job=made_job(), compile_pods=[pod(owner=JOB_UID, state=ended(0, REPORT, "Completed"))]
    )
    status = decide(artifact(), world, SETTINGS, NOW).status
    assert status is not None
    return status | changes


def headline(plan: Plan) -> tuple[str, str]:
    """Phase and reason."""
    assert plan.status is not None
    return plan.status["phase"], plan.status["conditions"][0]["reason"]


def message(plan: Plan) -> str:
    assert plan.status is not None
    return str(plan.status["conditions"][0]["message"])


def artifact_of(body: Object) -> NeuronArtifact:
    """The artifact of a body that was changed by hand."""
    return parse_artifact(body, SETTINGS)


def expired() -> Object:
    """The status of an artifact whose time is over, where a minute is given."""
    return ready_status(unusedSince=format_time(at(-100)))
