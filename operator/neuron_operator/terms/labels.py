"""Labels and annotations: how children are found and recognised."""

from collections.abc import Mapping

MANAGED_BY = "app.kubernetes.io/managed-by"
NAME = "app.kubernetes.io/name"
COMPONENT = "app.kubernetes.io/component"
MODEL = "neuron-operator.dev/model"
ARTIFACT = "neuron-operator.dev/artifact"
DIGEST = "neuron-operator.dev/digest"

SPEC_HASH = "neuron-operator.dev/spec-hash"
"""Annotation: hash of the whole object as the operator built it."""
RETRY = "neuron-operator.dev/retry"
"""Annotation that a user sets on either resource: each new value asks for one more attempt."""
SKIP_ROLE = "eks.amazonaws.com/skip-containers"
"""Annotation of a pod: the containers that get nothing of the service account's role."""
TOOLCHAIN = "neuron-operator.dev/toolchain"
"""Annotation that a user sets on a NeuronModel: compile it with that toolchain, once the chart names it."""
RESTART = "neuron-operator.dev/restart"
"""Annotation that a user sets on a NeuronModel, and its pods get: each new value replaces the servers."""
MOVED = "neuron-operator.dev/in-place-of"
"""Annotation of the servers' pods: the uid of the server on a cordoned node whose place they take."""
TEMPLATE = "neuron-operator.dev/template"
"""Annotation of the Deployment: the pod template as it was applied, as JSON."""
TEMPLATE_WISHES = "neuron-operator.dev/template-wishes"
"""Annotation of the Deployment: hash of what its model asked of the pods when the template was built."""
TEMPLATE_HASH = "neuron-operator.dev/template-hash"
"""Label of the servers' pods: a hash of the template that they were made from."""
BEFORE = "neuron-operator.dev/served-before"
"""Annotation of the Deployment: what served before its newest change, as JSON; it goes back to that."""
ROLLED_BACK = "neuron-operator.dev/rolled-back"
"""Annotation of the Deployment: what did not become Ready, as JSON; it is not tried again."""
UNDO = "neuron-operator.dev/undo"
"""Annotation that a user sets on a NeuronModel: serve that artifact of `status.history` while it is set."""
REPLICAS_OWNER = "neuron-operator.dev/replicas-owner"
"""Annotation of the Deployment: the kind that decides on its number of replicas."""

MANAGER = "neuron-operator"
"""Value of `managed-by`, and the field manager of every write."""

COMPILE = "compile"
VERIFY = "verify"
COLLECT = "collect"
SCRUB = "scrub"
SERVER = "server"
STORAGE = "storage"

CHILD_SELECTOR = f"{MANAGED_BY}={MANAGER}"
"""Server-side selector of everything the operator has made."""


def of_artifact(artifact: str, digest: str, component: str) -> dict[str, str]:
    """Labels of what belongs to a NeuronArtifact."""
    return {MANAGED_BY: MANAGER, NAME: artifact, COMPONENT: component, ARTIFACT: artifact, DIGEST: digest}


def of_model(model: str) -> dict[str, str]:
    """Labels of what belongs to a NeuronModel."""
    return {MANAGED_BY: MANAGER, NAME: model, COMPONENT: SERVER, MODEL: model}


def server_selector(model: str) -> dict[str, str]:
    """What selects the server's pods; it never changes during a model's life."""
    return {COMPONENT: SERVER, MODEL: model}


def selector_text(selector: Mapping[str, str]) -> str:
    """A selector as `kubectl -l` and the scale subresource write it."""
    return ",".join(f"{key}={value}" for key, value in sorted(selector.items()))
