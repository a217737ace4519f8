"""A NeuronArtifact as the models that use it see it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from neuron_operator.api import artifact as phases
from neuron_operator.api.spec import Parity
from neuron_operator.artifacts.status import COMPILING_MESSAGE, last_problem
from neuron_operator.reading.objects import Object, is_deleting, name_of, status_of
from neuron_operator.reading.troubles import Problem
from neuron_operator.terms.reasons import Reason, sentence


@dataclass(frozen=True)
class ArtifactView:
    """What matters to a model. `said`: reason and message of its condition Ready."""

    name: str
    target: str
    claim: str
    phase: str
    going: bool
    said: Problem
    revision: str | None
    manifest_sha256: str | None
    bytes: int
    backend: Mapping[str, Any] | None
    parity: Mapping[str, Any] | None
    benchmark: Mapping[str, Any] | None
    progress: Mapping[str, Any] | None

    @property
    def is_ready(self) -> bool:
        """Published, and staying."""
        return self.phase == phases.READY and not self.going

    @property
    def has_failed(self) -> bool:
        """Nothing more will come of it by itself."""
        return self.phase == phases.FAILED


def view_of(obj: Object) -> ArtifactView:
    """The view of a NeuronArtifact's object."""
    status = status_of(obj)
    phase = str(status.get("phase", phases.PENDING))
    said = last_problem(status) or Problem(Reason.COMPILING, COMPILING_MESSAGE)
    return ArtifactView(
        name=name_of(obj),
        target=obj["spec"].get("target", ""),
        claim=obj["spec"].get("claimName", ""),
        phase=phase,
        going=is_deleting(obj) or phase == phases.COLLECTING,
        said=said,
        revision=status.get("revision"),
        manifest_sha256=status.get("manifestSha256"),
        bytes=int(status.get("sizeBytes") or 0),
        backend=status.get("backend"),
        parity=status.get("parity"),
        benchmark=status.get("benchmark"),
        progress=status.get("progress"),
    )


def parity_problem(parity: Parity, measured: Mapping[str, Any] | None) -> Problem | None:
    """Why an artifact may not be served to a model with these demands, None where it may.

    An artifact can be shared by models with different tolerances: each judges the measured value for itself.
    """
    if parity.policy != "Block":
        return None
    if measured is None:
        message = (
            "Parity was not measured when the artifact was compiled: delete the NeuronArtifact and its files "
            "to compile it again, or set spec.compile.parity.policy to Skip."
        )
        return Problem(Reason.NOT_MEASURED, message)
    passed, value, tolerance = judge(parity, measured)
    if not passed:
        return Problem(Reason.PARITY_FAILED, _outside(parity.metric, value, tolerance))
    said = answers_differing(parity, measured)
    return None if said is None else Problem(Reason.ANSWERS_DIFFER, sentence(Reason.ANSWERS_DIFFER, said))


def answers_differing(parity: Parity, measured: Mapping[str, Any]) -> str | None:
    """How the door's answers differ from those of the model's own library; None where they don't.

    A model with a tolerance of its own judges the worst number for itself; what is wrong beyond numbers is
    wrong for every model.
    """
    answers = measured.get("answers")
    if not answers:
        return None
    wrong, passed = int(answers.get("wrong") or 0), bool(answers.get("passed"))
    if not wrong and parity.metric == measured.get("metric") and parity.tolerance is not None:
        passed = float(answers.get("worst") or 0.0) <= parity.tolerance
    if passed:
        return None
    count = f"{answers.get('differing')} of {answers.get('compared')}"
    said = answers.get("example") or f"the worst differs by {_number(answers.get('worst'))}"
    return f"{count} answers are not those of {answers.get('library')}: {said}"


def judge(parity: Parity, measured: Mapping[str, Any]) -> tuple[bool, float | None, float | None]:
    """Whether the measured parity is within the model's tolerance, with the value and that tolerance."""
    same = parity.metric == measured.get("metric")
    value = measured.get("value") if same else _other_metric(parity.metric, measured)
    tolerance = parity.tolerance if parity.tolerance is not None else measured.get("tolerance")
    if value is None or tolerance is None or (same and parity.tolerance is None):
        return bool(measured.get("passed")), value, tolerance
    return value <= tolerance, value, tolerance


def _other_metric(metric: str, measured: Mapping[str, Any]) -> float | None:
    """The value of a metric that the compiler measured beside the one it was asked for."""
    if metric == "Cosine":
        similarity = measured.get("cosine")
        return None if similarity is None else 1 - similarity
    value: float | None = measured.get("maxAbs" if metric == "MaxAbs" else "maxRel")
    return value


def _outside(metric: str, value: float | None, tolerance: float | None) -> str:
    distance = f"{metric} {_number(value)}, allowed {_number(tolerance)}"
    text = f"The compiled model is outside its tolerance: {distance}"
    return sentence(Reason.PARITY_FAILED, text)


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3g}"
