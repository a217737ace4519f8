"""What the status of a NeuronModel is made of, in one place. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from neuron_operator.api.model import NeuronModel, Pinned
from neuron_operator.models.draining import Drain
from neuron_operator.models.rollouts import Undo
from neuron_operator.models.serving import Serving
from neuron_operator.models.view import ArtifactView
from neuron_operator.models.wanted import Choice
from neuron_operator.reading.objects import Object
from neuron_operator.reading.troubles import Problem
from neuron_operator.terms.reasons import Reason, may_heal

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
