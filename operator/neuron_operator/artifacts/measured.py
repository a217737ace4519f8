"""Whether the parity that the spec asks for was measured. Pure."""

from collections.abc import Mapping
from typing import Any

from neuron_operator.api import artifact as phases
from neuron_operator.api.artifact import NeuronArtifact
from neuron_operator.artifacts.history import History
from neuron_operator.artifacts.stage import Stage, Step
from neuron_operator.artifacts.status import State
from neuron_operator.terms.reasons import Reason

_UNMEASURED = (
    "The artifact was published without a measurement of its parity: delete the NeuronArtifact and its "
    "directory on the volume to compile it again, or set spec.compile.parity.policy to Skip."
)


def is_unmeasured(artifact: NeuronArtifact, results: Mapping[str, Any]) -> bool:
    """Whether the spec asks for a parity that was not measured: the policy was Skip at the time."""
    return artifact.compile.parity.policy != "Skip" and not results.get("parity")


def measure_anew(
    stage: Stage, artifact: NeuronArtifact, results: Mapping[str, Any], history: History
) -> Step | None:
    """What follows a Job that has left parity unmeasured; None where nothing is missing.

    A Job of an earlier spec is made anew, and then measures what stands in the store.
    """
    if not is_unmeasured(artifact, results):
        return None
    if stage.outdated:
        assert stage.job is not None
        message = "The artifact is checked, as the policy is no longer Skip."
        return Step(stage.retrying(message), delete=(stage.job,))
    return Step(State(phases.FAILED, Reason.NOT_MEASURED, _UNMEASURED, results, history))
