"""The claim that holds a namespace's artifacts, where nobody names an existing one."""

from neuron_operator.api.artifact import NeuronArtifact
from neuron_operator.api.model import NeuronModel
from neuron_operator.api.settings import Settings
from neuron_operator.builders.metadata import whole_object
from neuron_operator.reading.objects import Object
from neuron_operator.reading.quantities import parse
from neuron_operator.terms import labels, names
from neuron_operator.terms.kinds import CLAIM


def claim_name(model: NeuronModel, settings: Settings) -> str:
    """The claim the model's artifact goes to."""
    described = model.storage.storage_class_name or model.storage.size
    chosen = model.storage.claim_name or ("" if described else settings.storage.claim_name)
    return chosen or names.MADE_CLAIM


def unmet(model: NeuronModel, settings: Settings, kept_on: str, made: Object | None) -> str | None:
    """What of spec.storage has no effect on an artifact that is kept on that claim; None where all of it has.

    `made`: the namespace's own claim as it is.
    """
    named = claim_name(model, settings)
    if named != kept_on:
        return f"It stays on the claim {kept_on}; to have it on {named}, delete the NeuronArtifact."
    wanted = claim(model, settings)
    if wanted is None or made is None:
        return None
    asked, has = wanted["spec"], made["spec"]
    size, there = asked["resources"]["requests"]["storage"], has["resources"]["requests"]["storage"]
    class_, present = model.storage.storage_class_name, has.get("storageClassName")
    if class_ and class_ != present:
        state = f"is of the class {present}" if present else "names no class"
        return f"The claim {named} {state}: {class_} has no effect."
    if model.storage.size and parse(size) != parse(there):
        return f"The claim {named} asks for {there} already: the size {size} has no effect."
    return None


def claim(model: NeuronModel, settings: Settings) -> Object | None:
    """The claim to make; None where an existing one is named. It has no owner: artifacts outlive models."""
    if claim_name(model, settings) != names.MADE_CLAIM or model.storage.claim_name:
        return None
    storage_class = model.storage.storage_class_name or settings.storage.storage_class_name
    return _made(model.namespace, storage_class, model.storage.size or settings.storage.size)


def claim_of_artifact(artifact: NeuronArtifact, settings: Settings) -> Object | None:
    """The claim to make for an artifact that names none; None where the chart names an existing one."""
    if artifact.claim_name != names.MADE_CLAIM:
        return None
    return _made(artifact.namespace, settings.storage.storage_class_name, settings.storage.size)


def _made(namespace: str, storage_class: str, size: str) -> Object:
    return whole_object(
        CLAIM,
        name=names.MADE_CLAIM,
        namespace=namespace,
        labels_={
            labels.MANAGED_BY: labels.MANAGER,
            labels.NAME: names.MADE_CLAIM,
            labels.COMPONENT: labels.STORAGE,
        },
        owner=None,
        content={
            "spec": {
                "accessModes": ["ReadWriteMany"],
                **({"storageClassName": storage_class} if storage_class else {}),
                "resources": {"requests": {"storage": size}},
            }
        },
    )
