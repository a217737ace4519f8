"""The pod template that servers run with, kept until their model asks for another. Pure.

A new operator, or new values of the chart, may build another template from the same model. Applied, it would
restart every server. So the Deployment remembers the template that was applied, and what its model asked
for; as long as the model asks for the same, that template is what is wanted.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass, replace
from functools import cache
from typing import Any

from neuron_contract import variables

from neuron_operator.api.model import NeuronModel
from neuron_operator.reading.objects import Object, annotations_of, is_deleting, labels_of
from neuron_operator.terms import labels


@dataclass(frozen=True)
class Served:
    """The artifact that is served: where it lies, and with which image it runs.

    `manifest_sha256`: that of the only manifest that may be loaded, None where it is not known; `bytes`: the
    size of its files, 0 where that is not known.
    """

    name: str
    digest: str
    target: str
    claim: str
    image: str
    manifest_sha256: str | None = None
    bytes: int = 0


def wishes_of(model: NeuronModel, served: Served) -> str:
    """A hash of what the model asks of its servers.

    What is left at its default does not count: a field that a new version adds changes nothing.
    """
    serves = _said(replace(served, manifest_sha256=None, bytes=0))
    asked = {"serving": _said(model.serving), "target": model.target, "served": serves}
    return hashlib.sha256(_text(asked).encode()).hexdigest()[:16]


def kept_template(model: NeuronModel, served: Served, deployment: Object | None) -> Object | None:
    """The template to keep; None where it is to be built."""
    if deployment is None or is_deleting(deployment):
        return None
    said = annotations_of(deployment)
    if labels.TEMPLATE_WISHES not in said:
        return deployment["spec"]["template"] if _was_settled(model, served, deployment) else None
    if said[labels.TEMPLATE_WISHES] != wishes_of(model, served):
        return None
    try:
        kept = json.loads(said.get(labels.TEMPLATE, ""))
    except ValueError:
        return None
    return kept if isinstance(kept, dict) and _may_load(kept, served) else None


def restart_of(model: NeuronModel, deployment: Object | None) -> str:
    """The newest restart that was asked for. Whoever takes the annotation away asks for none."""
    if model.restart_asked or deployment is None:
        return model.restart_asked
    return restart_in(deployment)


def restarted(template: Object, restart: str, moved: str = "") -> Object:
    """The template of servers that were asked to begin anew, or have to move: other values replace them."""
    asked = {name: value for name, value in ((labels.RESTART, restart), (labels.MOVED, moved)) if value}
    if not asked:
        return template
    metadata = template.get("metadata") or {}
    annotations = {**(metadata.get("annotations") or {}), **asked}
    return {**template, "metadata": {**metadata, "annotations": annotations}}


def remembered(model: NeuronModel, served: Served, template: Object) -> dict[str, str]:
    """The annotations by which a Deployment remembers its template."""
    return {labels.TEMPLATE_WISHES: wishes_of(model, served), labels.TEMPLATE: _text(template)}


def marked(template: Object) -> Object:
    """A template that was built anew, with its own hash as a label: it tells its pods from those before."""
    value = hashlib.sha256(_text(template).encode()).hexdigest()[:16]
    metadata = template["metadata"]
    return {
        **template,
        "metadata": {**metadata, "labels": {**metadata["labels"], labels.TEMPLATE_HASH: value}},
    }


def mark_of(deployment: Object) -> str | None:
    """That label of the pods that the Deployment makes now; None for a template of an older operator."""
    found: str | None = labels_of(deployment["spec"]["template"]).get(labels.TEMPLATE_HASH)
    return found


def restart_in(deployment: Object) -> str:
    """The restart that the Deployment's pods were made for; empty where there was none."""
    return annotations_of(deployment["spec"]["template"]).get(labels.RESTART, "")


def moved_in(deployment: Object) -> str:
    """The server in whose place the Deployment's pods were made; empty where there was none."""
    return annotations_of(deployment["spec"]["template"]).get(labels.MOVED, "")


def identity_of(deployment: Object) -> str | None:
    """A hash of the template as the Deployment remembers it, and of its restart; None where it doesn't."""
    text = annotations_of(deployment).get(labels.TEMPLATE)
    if text is None:
        return None
    return hashlib.sha256(f"{text}\n{restart_in(deployment)}".encode()).hexdigest()[:16]


def image_of(deployment: Object) -> str:
    """The image that its servers run; empty where there is no such container."""
    for container in deployment["spec"]["template"]["spec"].get("containers") or ():
        if container["name"] == labels.SERVER:
            return str(container["image"])
    return ""


def _may_load(template: Object, served: Served) -> bool:
    """Whether its servers load the manifest that is recorded by now; while none is, they stay as they are."""
    if served.manifest_sha256 is None:
        return True
    variable = {"name": variables.MANIFEST_SHA256, "value": served.manifest_sha256}
    containers = template["spec"].get("containers") or ()
    return any(variable in (container.get("env") or ()) for container in containers)


def _was_settled(model: NeuronModel, served: Served, deployment: Object) -> bool:
    """Whether an operator that remembered no templates has made this one for what is asked for now."""
    return (
        _may_load(deployment["spec"]["template"], served)
        and model.status.get("observedGeneration") == model.generation
        and labels_of(deployment).get(labels.DIGEST) == served.digest
        and labels_of(deployment).get(labels.ARTIFACT) == served.name
        and image_of(deployment) == served.image
    )


def _said(value: Any) -> Any:
    """Of dataclasses the fields that are not at their default, all else as it is."""
    if is_dataclass(value) and not isinstance(value, type):
        said = ((name, getattr(value, name), default) for name, default in _defaults(type(value)))
        return {name: _said(found) for name, found, default in said if found != default}
    if isinstance(value, Mapping):
        return {name: _said(inner) for name, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_said(inner) for inner in value]
    return value


@cache
def _defaults(kind: Any) -> tuple[tuple[str, object], ...]:
    """The fields of a dataclass with their defaults."""
    return tuple((field.name, _default(field)) for field in fields(kind))


def _default(field: Any) -> object:
    return field.default_factory() if field.default_factory is not MISSING else field.default


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
