"""Going back to what served before: on failure by itself, on request by an annotation. Pure.

All that is remembered is in the status (`history`) and in annotations of the Deployment, which are written
together with the template that they are about.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from neuron_operator.api.model import NeuronModel
from neuron_operator.builders.templates import (
    Served,
    identity_of,
    image_of,
    kept_template,
    mark_of,
    restart_in,
    wishes_of,
)
from neuron_operator.models.serving import spare_wanted
from neuron_operator.models.view import ArtifactView
from neuron_operator.reading.complaints import Heard
from neuron_operator.reading.conditions import FALSE, TRUE, UNDONE, Condition
from neuron_operator.reading.objects import (
    Object,
    annotations_of,
    condition_of,
    format_time,
    is_deleting,
    labels_of,
    parse_time,
    status_of,
)
from neuron_operator.reading.troubles import Problem, crash_problem, start_problem
from neuron_operator.terms import labels
from neuron_operator.terms.reasons import Reason, may_heal, sentence

LONGEST_HISTORY = 10
_TRIAL_SECONDS = 1800.0
"""How long after a change servers that were Ready and end again and again are its fault."""
_CRASHES = 3
"""How often a new server may end before the rollout has failed."""
_LARGEST_BEFORE = 100_000
"""Characters: all annotations of an object together have 256 KiB."""
_LONGEST_MESSAGE = 1024
_HEALS_ELSEWHERE = frozenset({Reason.ARTIFACT_MISSING, Reason.ARTIFACT_CORRUPT})
"""The artifact's own Job puts these right, and servers that begin anew find it so."""

Views = Mapping[str, ArtifactView]


@dataclass(frozen=True)
class Before:
    """What a Deployment serves: its template as it was built, what was asked of it, and the artifact."""

    template: Object
    wishes: str
    restart: str
    served: Served
    revision: str | None


@dataclass(frozen=True)
class Back:
    """The Deployment serves what it did before; `failed`: what did not become Ready, as status tells it."""

    before: Before
    failed: Mapping[str, Any]

    @property
    def notes(self) -> dict[str, str]:
        """The annotations of a Deployment that has gone back."""
        return {labels.TEMPLATE_WISHES: self.before.wishes, labels.ROLLED_BACK: _text(self.failed)}


@dataclass(frozen=True)
class Undo:
    """What the annotation asks for; `served` is None where that can't be."""

    condition: Condition
    served: Served | None = None
    revision: str | None = None


def undo_of(model: NeuronModel, newest: Served, views: Views) -> Undo | None:
    """What is served on request in place of what the spec asks for; None where that is the same."""
    if not model.undo_asked:
        return None
    entry = next((entry for entry in model.history if model.undoes_to(entry)), None)
    if entry is None:
        text = f"status.history has no artifact {model.undo_asked}"
        return _no_undo(text)
    if (entry["digest"], entry["image"]) == (newest.digest, newest.image):
        return None
    view = views.get(str(entry["artifact"]))
    if view is None or not view.is_ready:
        return _no_undo(f"The artifact {entry['artifact']} is not there any more and must be compiled anew")
    served = Served(
        view.name,
        str(entry["digest"]),
        view.target,
        view.claim,
        str(entry["image"]),
        view.manifest_sha256,
        view.bytes,
    )
    text = f"The artifact {view.name} is served because the annotation {labels.UNDO} asks for it"
    condition = Condition(UNDONE, TRUE, Reason.UNDONE, sentence(Reason.UNDONE, text))
    return Undo(condition, served, entry.get("revision"))


def _no_undo(text: str) -> Undo:
    reason = Reason.UNDO_IMPOSSIBLE
    return Undo(Condition(UNDONE, FALSE, reason, sentence(reason, text)))


def back(
    model: NeuronModel,
    asked: Served,
    restart: str,
    deployment: Object | None,
    pods: Sequence[Object],
    views: Views,
    heard: Heard,
    now: datetime,
) -> Back | None:
    """What the Deployment goes back to, or stays at, where what is asked for has failed; else None.

    A CPU that serves in an accelerator's stead is no choice: what served before has no node.
    """
    if deployment is None or is_deleting(deployment):
        return None
    if asked.target != model.target:
        return None
    attempt = _attempt(model, asked, restart)
    failed = _json(annotations_of(deployment).get(labels.ROLLED_BACK))
    if failed.get("attempt") == attempt:
        there = _running(model, deployment, views)
        return None if there is None else Back(there, failed)
    before = _before(deployment, views)
    if before is None or not _is_deployed(model, asked, restart, deployment):
        return None
    if _is_same(before, deployment):
        return None
    if not _has_served_last(model, deployment):
        problem = _crash(deployment, pods) or _lateness(deployment, pods, heard, now)
    else:
        problem = _crash(deployment, pods) if _is_on_trial(deployment, now) else None
    if problem is None:
        return None
    return Back(
        before,
        {
            "attempt": attempt,
            "artifact": asked.name,
            "digest": asked.digest,
            "image": asked.image,
            "reason": problem.reason.value,
            "message": problem.message[:_LONGEST_MESSAGE],
            "time": format_time(now),
        },
    )


def notes(
    model: NeuronModel, observed: Object | None, desired: Object, views: Views, now: datetime
) -> dict[str, str]:
    """The annotations by which a Deployment remembers what served before its newest template."""
    if observed is None or is_deleting(observed):
        return {}
    carried = annotations_of(observed).get(labels.BEFORE)
    served = _has_served_last(model, observed) or _serves(observed)
    if identity_of(observed) != identity_of(desired) and served:
        there = _running(model, observed, views)
        carried = None if there is None else _text_of(there, now)
    return {} if carried is None or len(carried) > _LARGEST_BEFORE else {labels.BEFORE: carried}


def remembered(model: NeuronModel, deployment: Object, views: Views) -> tuple[Before, dict[str, str]] | None:
    """What the Deployment has now, with all that it remembers; None where it does not."""
    said, there = annotations_of(deployment), _running(model, deployment, views)
    if there is None or labels.TEMPLATE not in said:
        return None
    kept = (labels.BEFORE, labels.ROLLED_BACK)
    return there, {
        labels.TEMPLATE_WISHES: there.wishes,
        **{name: said[name] for name in kept if name in said},
    }


def former_template(model: NeuronModel, served: Served, observed: Object | None) -> Object | None:
    """The template that served before, where the model asks for just that again."""
    if observed is None or is_deleting(observed):
        return None
    before = _before(observed, {})
    if before is None or before.wishes != wishes_of(model, served):
        return None
    return before.template if before.served.manifest_sha256 == served.manifest_sha256 else None


def history(
    model: NeuronModel,
    served: Mapping[str, Any],
    deployment: Object,
    view: ArtifactView | None,
    now: datetime,
) -> list[Object]:
    """`status.history`, where what is deployed serves wholly: that first, then what served before it.

    An artifact in another template is the same entry; one that serves again is the newest.
    """
    known = [dict(entry) for entry in model.history]
    benchmark = (view.benchmark if view is not None else None) or {}
    entry = {
        "digest": served["digest"],
        "artifact": served["name"],
        "image": served["image"],
        "revision": served.get("revision"),
        "since": format_time(now),
        "template": identity_of(deployment),
        "throughputPerSecond": benchmark.get("throughputPerSecond"),
        "p99Milliseconds": benchmark.get("p99Milliseconds"),
    }
    entry = {key: value for key, value in entry.items() if value is not None}
    same = next((each for each in known if _release(each) == _release(entry)), {})
    number = same.get("number") or 1 + max((int(each.get("number", 0)) for each in known), default=0)
    entry = {**same, **entry, "number": number}
    if known and same is known[0]:
        entry["since"] = same["since"]
    others = [each for each in known if _release(each) != _release(entry)]
    return [entry, *others][:LONGEST_HISTORY]


def _release(entry: Mapping[str, Any]) -> tuple[object, object]:
    return entry.get("digest"), entry.get("image")


def _attempt(model: NeuronModel, asked: Served, restart: str) -> str:
    """A hash of all that a user, or the chart, can change to have another try."""
    text = _text([wishes_of(model, asked), asked.manifest_sha256, restart, model.retry_asked])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _is_deployed(model: NeuronModel, asked: Served, restart: str, deployment: Object) -> bool:
    return (
        kept_template(model, asked, deployment) is not None
        and restart_in(deployment) == restart
        and status_of(deployment).get("observedGeneration", 0) >= deployment["metadata"].get("generation", 0)
    )


def _has_served_last(model: NeuronModel, deployment: Object) -> bool:
    """Whether the deployed template is the one that served wholly last: what fails now is no rollout."""
    identity = identity_of(deployment)
    return identity is not None and any(entry.get("template") == identity for entry in model.history[:1])


def _serves(deployment: Object) -> bool:
    """Whether every server of the Deployment is of its newest template, and Ready."""
    status, wanted = status_of(deployment), deployment["spec"].get("replicas", 1)
    seen = status.get("observedGeneration", 0) >= deployment["metadata"].get("generation", 0)
    updated, there = status.get("updatedReplicas", 0), status.get("replicas", 0)
    return bool(seen and wanted > 0 and updated == there and status.get("readyReplicas", 0) >= wanted)


def _is_same(before: Before, deployment: Object) -> bool:
    said = annotations_of(deployment)
    return said.get(labels.TEMPLATE) == _text(before.template) and restart_in(deployment) == before.restart


def _is_on_trial(deployment: Object, now: datetime) -> bool:
    """Whether the newest template is so new that servers which end again and again are its fault."""
    try:
        until = parse_time(_json(annotations_of(deployment).get(labels.BEFORE))["until"])
        return (now - until).total_seconds() < _TRIAL_SECONDS
    except (KeyError, TypeError, ValueError):
        return False


def _of_newest(deployment: Object, pods: Sequence[Object]) -> list[Object]:
    mark = mark_of(deployment)
    return [pod for pod in pods if mark is None or labels_of(pod).get(labels.TEMPLATE_HASH) == mark]


def _crash(deployment: Object, pods: Sequence[Object]) -> Problem | None:
    """Why servers of the newest template end again and again, None where they don't, or it heals."""
    new = _of_newest(deployment, pods)
    crash = crash_problem(new)
    if mark_of(deployment) is None or crash is None or _crashes(new) < _CRASHES or _heals(crash.reason):
        return None
    return crash


def _lateness(deployment: Object, pods: Sequence[Object], heard: Heard, now: datetime) -> Problem | None:
    """Why the newest template has not become Ready in time: in its pods' words, where they have any."""
    progressing = condition_of(deployment, "Progressing")
    if progressing is None or progressing.get("reason") != "ProgressDeadlineExceeded":
        return None
    reason = Reason.SERVER_NOT_READY
    silent = Problem(reason, sentence(reason, "The new servers have not become ready in time"))
    new = _of_newest(deployment, pods)
    waiting = start_problem(new, heard, now)
    return (spare_wanted(waiting) if waiting is not None else None) or crash_problem(new) or silent


def _heals(reason: Reason) -> bool:
    return may_heal(reason) or reason in _HEALS_ELSEWHERE


def _crashes(pods: Sequence[Object]) -> int:
    """How often the server that ended most often has ended, of those that are not Ready."""
    return max(
        (
            int(container.get("restartCount", 0))
            for pod in pods
            if not is_deleting(pod)
            for container in status_of(pod).get("containerStatuses") or ()
            if not container.get("ready")
        ),
        default=0,
    )


def _running(model: NeuronModel, deployment: Object, views: Views) -> Before | None:
    """What the Deployment has now, as it remembers it; None where somebody has taken that away."""
    said, named = annotations_of(deployment), labels_of(deployment)
    if labels.ARTIFACT not in named or labels.DIGEST not in named:
        return None
    template = _json(said[labels.TEMPLATE]) if labels.TEMPLATE in said else deployment["spec"]["template"]
    if not template:
        return None
    view = views.get(named[labels.ARTIFACT])
    artifact = model.status.get("artifact") or {}
    same = artifact.get("digest") == named[labels.DIGEST]
    served = Served(
        named[labels.ARTIFACT],
        named[labels.DIGEST],
        view.target if view else str(model.status.get("target") or model.target),
        view.claim if view else "",
        image_of({"spec": {"template": template}}),
        view.manifest_sha256 if view else None,
        view.bytes if view else 0,
    )
    revision = artifact.get("revision") if same else None
    if revision is None and view is not None:
        revision = view.revision
    return Before(template, said.get(labels.TEMPLATE_WISHES, ""), restart_in(deployment), served, revision)


def _text_of(before: Before, now: datetime) -> str:
    served = before.served
    return _text(
        {
            "template": before.template,
            "wishes": before.wishes,
            "restart": before.restart,
            "artifact": served.name,
            "digest": served.digest,
            "target": served.target,
            "claim": served.claim,
            "manifestSha256": served.manifest_sha256,
            "revision": before.revision,
            "until": format_time(now),
        }
    )


def _before(deployment: Object, views: Views) -> Before | None:
    said = _json(annotations_of(deployment).get(labels.BEFORE))
    try:
        view = views.get(said["artifact"])
        served = Served(
            said["artifact"],
            said["digest"],
            said["target"],
            said["claim"],
            image_of({"spec": {"template": said["template"]}}),
            said["manifestSha256"],
            view.bytes if view else 0,
        )
        return Before(said["template"], said["wishes"], said["restart"], served, said["revision"])
    except (KeyError, TypeError):
        return None


def _json(text: str | None) -> Object:
    """The object that the text is; empty for any other text."""
    try:
        found = json.loads(text or "")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
